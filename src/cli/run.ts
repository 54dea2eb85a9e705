import type { LoadedConfig } from "../config/load.ts";
import { exitCode } from "./exit.ts";
import { loadOrExplain } from "./load.ts";

/** `umay run`: serves until it was drained. */
export async function run(file: string | undefined): Promise<number> {
  const loaded = await loadOrExplain(file);
  return loaded === undefined ? exitCode.badConfig : serve(loaded);
}

/** Serves what was loaded. @returns the exit code. */
export async function serve({ model, file, warnings }: LoadedConfig, onReady?: () => void): Promise<number> {
  const { runUmay } = await import("../control/run.ts");
  return runUmay({
    model,
    configFile: file,
    warnings: warnings.map(({ where, message }) => `${where}: ${message}`),
    ...(onReady && { onReady }),
  });
}
