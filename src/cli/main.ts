import { inspect } from "node:util";
import { CommanderError } from "commander";
import { exitCode, printError } from "./exit.ts";
import { createProgram } from "./program.ts";

/** A configuration that is named by its file alone. Anything else is a command, so that a mistyped one gets a suggestion. */
const isFile = (word: string): boolean => word.includes("/") || /\.(toml|json)$/.test(word);

/** @returns the exit code. Never throws. */
async function main(args: readonly string[]): Promise<number> {
  // A program between two processes of umay, which nobody calls by hand.
  if (args[0] === "pass-on") return (await import("./pass-on.ts")).passOn(args[1]!, args.slice(2));
  let code: number = exitCode.good;
  const implicitRun = args[0] === undefined || args[0].startsWith("-") || isFile(args[0]);
  try {
    await createProgram(implicitRun, (given) => {
      code = given;
    }).parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.good : exitCode.usage;
    printError(`unexpected error: ${inspect(error)}`);
    return exitCode.failed;
  }
}

// A reader that went away (`umay schema | head -1`) is no reason to crash. The exit code of the command stays.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));
