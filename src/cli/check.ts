import { ConfigError } from "../providers/provider.ts";
import { exitCode } from "./exit.ts";
import { type ConfigChoice, loadChoice, printProblems } from "./load.ts";
import { formatSummary, summarise } from "./summary.ts";

/**
 * `umay check`: does everything that a start does before it binds. As text, problems go to standard error and the summary
 * of a good configuration to standard output. As JSON, one object with either goes to standard output.
 */
export async function check(options: ConfigChoice & { readonly json: boolean }): Promise<number> {
  const { json } = options;
  try {
    const { model, warnings, file } = await loadChoice(options);
    const summary = summarise(model);
    if (json) printJson({ ok: true, file, ...summary, problems: warnings });
    else process.stdout.write(`${file === "-" ? "standard input" : file} is good\n${formatSummary(summary)}`);
    if (!json) printProblems(warnings);
    return exitCode.good;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json) printJson({ ok: false, problems: error.problems });
    else printProblems(error.problems);
    return exitCode.badConfig;
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
