import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "./patience.ts";
import type { Peer } from "./peer.ts";
import type { LogLine, RunningUmay } from "./umay.ts";

/** Between two readings, in milliseconds: ever longer, because many of them are requests that take CPU time. */
const pause = { first: 10, growth: 1.3, longest: 60 } as const;

/** Polls until the reading is as expected. @param ms as on a quiet machine. @throws with the last reading. */
export async function becomes<T>(
  read: () => T | Promise<T>,
  expected: (value: T) => boolean,
  what: string,
  ms = 10_000,
): Promise<T> {
  const longest = patient(ms);
  const deadline = performance.now() + longest;
  for (let wait: number = pause.first; ; wait = Math.min(wait * pause.growth, pause.longest)) {
    const value = await read();
    if (expected(value)) return value;
    if (performance.now() > deadline)
      assert.fail(`${what}: still ${JSON.stringify(value)} after ${longest} ms`);
    await sleep(wait);
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
  const longest = patient(10_000);
  const deadline = performance.now() + longest;
  let last = read();
  for (let still = 0; still < 30; ) {
    await sleep(10);
    const now = read();
    still = now === last ? still + 1 : 0;
    last = now;
    if (performance.now() > deadline) assert.fail(`a number still rises after ${longest} ms: ${now}`);
  }
  return last;
}

/** Memory of a process that is in RAM. */
export function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}
