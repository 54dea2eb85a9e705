import { ConfigError, type ConfigProblem } from "../providers/toml/errors.ts";
import { type LoadedConfig, loadConfig } from "../providers/toml/load.ts";
import { formatProblems } from "../providers/toml/report/format.ts";

/** Loads the configuration, or says on standard error what is wrong with it and gives undefined. */
export async function loadOrExplain(
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<LoadedConfig | undefined> {
  try {
    return await loadConfig({ file, env, cwd: process.cwd() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    return undefined;
  }
}

/** Loads the configuration of a running umay again. @param file as {@link LoadedConfig} has it. @throws ConfigError */
export async function loadAgain(file: string, env: NodeJS.ProcessEnv = process.env): Promise<LoadedConfig> {
  if (file === "-")
    throw new Error(
      "the configuration came from standard input, which cannot be read again; start umay with a file",
    );
  return loadConfig({ file, env, cwd: process.cwd() });
}

export function printProblems(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0)
    process.stderr.write(formatProblems(problems, { color: process.stderr.hasColors?.() ?? false }));
}
