import { exitCode } from "./exit.ts";
import { orExplain, tomlProvider } from "./load.ts";

/**
 * `umay run`: serves until it is drained, then ends the process. It returns only when the configuration is invalid.
 * @param verbose whether the pretty form of the log has all fields of sessions.
 */
export async function run(file: string | undefined, verbose: boolean): Promise<number> {
  const provider = tomlProvider(file);
  const first = await orExplain(provider.propose());
  if (first === undefined) return exitCode.badConfig;
  const { runUmay } = await import("../control/process/run.ts");
  const { discover } = await import("./discover.ts");
  const code = await runUmay({ provider, first, discover, verbose });
  // A log without a reader would keep the process alive.
  process.exit(code);
}
