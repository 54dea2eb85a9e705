import type { Model } from "../../../../src/model/model.ts";
import { ConfigError, type ConfigProblem } from "../../../../src/providers/provider.ts";
import { loadConfigText } from "../../../../src/providers/toml/load.ts";

/** A listener that speaks HTTP, and two pools; what is added may have routes and tables. */
export const base = `[listeners.web]
bind = "127.0.0.1:8080"
mode = "http"
pool = "a"
[pools.a]
discovery = { type = "static", backends = ["10.0.0.1:80"] }
[pools.b]
discovery = { type = "static", backends = ["10.0.0.2:80"] }
`;

export interface HttpOutcome {
  readonly model: Model | undefined;
  readonly lines: readonly string[];
}

/** `severity path: message [hint]` of each problem. */
export async function loadHttp(
  text: string,
  env: NodeJS.ProcessEnv = {},
  directory = "/nowhere",
): Promise<HttpOutcome> {
  try {
    const options = { name: "umay.toml", directory, env, takePlanned: true };
    const { model, warnings } = await loadConfigText(text, options);
    return { model, lines: warnings.map(lineOf) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { model: undefined, lines: error.problems.map(lineOf) };
  }
}

function lineOf({ severity, path, message, hint }: ConfigProblem): string {
  return [`${severity} ${path}: ${message}`, hint && `[${hint}]`].filter(Boolean).join(" ");
}

/** The model of a text that must be without a warning. */
export async function httpModel(text: string, env: NodeJS.ProcessEnv = {}): Promise<Model> {
  const { model, lines } = await loadHttp(text, env);
  if (model === undefined || lines.length > 0) throw new Error(lines.join("\n"));
  return model;
}
