import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Envoy itself, where it is on the PATH. */
export const envoy = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "envoy"))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** @returns when it serves. */
export async function startEnvoy(path: string): Promise<ChildProcess> {
  const options = [
    "--config-path",
    path,
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--log-level",
    "info",
  ];
  const child = spawn(envoy!, options, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => {
      log = (log + text).slice(-100_000);
      if (log.includes("starting main dispatch loop")) resolve();
    });
    child.on("exit", () => reject(new Error(`Envoy did not start: ${log.slice(-3_000)}`)));
  });
  return child;
}
