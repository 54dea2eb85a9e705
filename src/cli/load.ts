import { ConfigError, type ConfigProblem } from "../providers/provider.ts";
import { type LoadedConfig, loadConfig } from "../providers/toml/load.ts";
import { TomlProvider } from "../providers/toml/provider.ts";
import { formatProblems } from "../providers/toml/report/format.ts";

/** @param file the value of `--config`. */
export function tomlProvider(file: string | undefined, env: NodeJS.ProcessEnv = process.env): TomlProvider {
  return new TomlProvider({ file, env, cwd: process.cwd() });
}

/** Loads the configuration. @returns undefined when it is wrong; its problems were written to standard error. */
export function loadOrExplain(file: string | undefined): Promise<LoadedConfig | undefined> {
  return orExplain(loadConfig({ file, env: process.env, cwd: process.cwd() }));
}

/** @returns the result of `reading`; undefined when the configuration is wrong, with its problems on standard error. */
export async function orExplain<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    return undefined;
  }
}

export function printProblems(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0)
    process.stderr.write(formatProblems(problems, { color: process.stderr.hasColors?.() ?? false }));
}
