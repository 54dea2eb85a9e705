import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "./patience.ts";
import type { Peer } from "./peer.ts";
import type { LogLine, RunningUmay } from "./umay.ts";

/** Polls until the reading is as expected. @param ms as on a quiet machine. @throws with the last reading. */
export async function becomes<T>(
  read: () => T | Promise<T>,
  expected: (value: T) => boolean,
  what: string,
  ms = 10_000,
): Promise<T> {
  const longest = patient(ms);
  const deadline = performance.now() + longest;
  for (;;) {
    const value = await read();
    if (expected(value)) return value;
    if (performance.now() > deadline)
      assert.fail(`${what}: still ${JSON.stringify(value)} after ${longest} ms`);
    await sleep(10);
  }
}

/** Waits until no listener and no backend has a connection, by what /status says. */
export async function settled(umay: RunningUmay): Promise<void> {
  const open = async (): Promise<readonly (readonly [string, number])[]> => {
    const { listeners, pools } = await umay.status();
    return [
      ...Object.entries(listeners).map(([name, { connections }]) => [name, connections] as const),
      ...Object.values(pools).flatMap(({ backends }) =>
        backends.map(({ address, connections }) => [address, connections] as const),
      ),
    ].filter(([, connections]) => connections !== 0);
  };
  await becomes(open, (left) => left.length === 0, "open connections");
}

/** Files that the process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The line of the session that this client began. Ports come back soon, so older lines do not count. */
export function sessionOf(umay: RunningUmay, client: Peer): Promise<LogLine> {
  const address = `127.0.0.1:${client.port}`;
  return umay.session(
    (line) => line["client"] === address && Date.parse(line["time"] as string) >= client.born,
  );
}

/** Waits until a number that rises has stopped to, for a third of a second. @returns where it stopped. */
export async function stalls(read: () => number): Promise<number> {
  let last = Number.NaN;
  let still = 0;
  return await becomes(
    () => {
      const now = read();
      still = now === last ? still + 1 : 0;
      last = now;
      return now;
    },
    () => still >= 30,
    "a number that was to stop rising",
  );
}

/** Memory of a process that is in RAM. */
export function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}
