import { exitCode } from "./exit.ts";
import { loadAgain, loadOrExplain } from "./load.ts";

/** `umay run`: serves until it was drained, then ends the process. Returns only when the configuration is invalid. */
export async function run(file: string | undefined): Promise<number> {
  const loaded = await loadOrExplain(file);
  if (loaded === undefined) return exitCode.badConfig;
  const { runUmay } = await import("../control/run.ts");
  const code = await runUmay({
    model: loaded.model,
    configFile: loaded.file,
    load: () => loadAgain(loaded.file),
    warnings: loaded.warnings.map(({ where, message }) => `${where}: ${message}`),
  });
  // A log that nobody reads would keep it alive.
  process.exit(code);
}
