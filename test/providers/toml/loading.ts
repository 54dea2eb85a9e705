import type { Model } from "../../../src/model/model.ts";
import { ConfigError, type ConfigProblem } from "../../../src/providers/provider.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";

/** A listener and a pool, as few keys as there can be. */
export const smallest = `[listeners.echo]
bind = "127.0.0.1:9994"
pool = "echo"

[pools.echo.discovery]
type = "static"
backends = ["127.0.0.1:1994"]
`;

export interface Outcome {
  readonly model: Model | undefined;
  /** Errors or, when there is a model, warnings. */
  readonly problems: readonly ConfigProblem[];
}

/** Loads a text called umay.toml. Anything else than a model or a ConfigError is thrown on. */
export async function load(
  text: string,
  env: NodeJS.ProcessEnv = {},
  directory = "/nowhere",
): Promise<Outcome> {
  try {
    const { model, warnings } = await loadConfigText(text, { name: "umay.toml", directory, env });
    return { model, problems: warnings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { model: undefined, problems: error.problems };
  }
}

/** The model of a text that must be valid. */
export async function loadModel(text: string, env: NodeJS.ProcessEnv = {}): Promise<Model> {
  return (await loadConfigText(text, { name: "umay.toml", directory: "/nowhere", env })).model;
}

/** `where path: message [hint]` of each problem. */
export async function problemLines(
  text: string,
  env: NodeJS.ProcessEnv = {},
  directory?: string,
): Promise<string[]> {
  const { problems } = await load(text, env, directory);
  return problems.map(({ severity, where, path, message, hint }) =>
    [severity, where, `${path}:`, message, hint && `[${hint}]`].filter(Boolean).join(" "),
  );
}
