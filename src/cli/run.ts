import { exitCode } from "./exit.ts";
import { loadAgain, loadOrExplain } from "./load.ts";

/** `umay run`: serves until it was drained, then ends the process. Returns only when the configuration is invalid. */
export async function run(file: string | undefined): Promise<number> {
  const loaded = await loadOrExplain(file);
  if (loaded === undefined) return exitCode.badConfig;
  const { runUmay } = await import("../control/process/run.ts");
  const code = await runUmay({
    config: loaded,
    load: () => loadAgain(loaded.file),
  });
  // A log that nobody reads would keep it alive.
  process.exit(code);
}
