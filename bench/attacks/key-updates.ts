import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMicrosBetween, cpuUsage, memoryOf } from "../measure.ts";
import { stop } from "../process.ts";
import { launch, type Scene, type Target } from "./targets.ts";

export interface KeyUpdatesResult {
  /** After which the proxy ended the session, in seconds; undefined: it did not. */
  readonly ended: number | undefined;
  readonly cpuSeconds: number;
  readonly memoryMiB: number;
}

/** A client that sends key updates, each of which asks for one in return, and reads nothing. */
export async function keyUpdates(
  target: Target,
  scene: Scene,
  backend: number,
  seconds: number,
): Promise<KeyUpdatesResult> {
  const { running, ports } = await launch(target, scene, { backend });
  const client = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${ports.tls}`]);
  const over = once(client, "close");
  client.stdin.on("error", () => {});
  client.stdout.resume();
  client.stderr.resume();
  try {
    await sleep(1_000);
    const [usage, memory] = [cpuUsage(running.pid), memoryOf(running.pid).rss];
    const began = performance.now();
    // It looks for one command in whatever it reads at once.
    const flooding = setInterval(() => client.stdin.write("K\n"), 1);
    const cut = await Promise.race([over.then(() => true), sleep(seconds * 1_000, false)]);
    clearInterval(flooding);
    return {
      ended: cut ? (performance.now() - began) / 1_000 : undefined,
      cpuSeconds: cpuMicrosBetween(usage, cpuUsage(running.pid)) / 1e6,
      memoryMiB: (memoryOf(running.pid).rss - memory) / 2 ** 20,
    };
  } finally {
    client.kill();
    await stop(running);
  }
}
