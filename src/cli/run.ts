import { exitCode } from "./exit.ts";
import { loadOrExplain } from "./load.ts";

/** `umay run`: serves until it was drained. */
export async function run(file: string | undefined): Promise<number> {
  const loaded = await loadOrExplain(file);
  if (loaded === undefined) return exitCode.badConfig;
  const { runUmay } = await import("../control/run.ts");
  return runUmay({
    model: loaded.model,
    configFile: loaded.file,
    warnings: loaded.warnings.map(({ where, message }) => `${where}: ${message}`),
  });
}
