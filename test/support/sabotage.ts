import { connect, createServer } from "node:net";
import { join } from "node:path";
import { isMainThread, workerData } from "node:worker_threads";
import { becomes } from "./settled.ts";
import type { StartOptions } from "./umay.ts";

/*
 * Loaded with `--import` into every thread of a umay, this module waits at a unix socket for the order to break its
 * thread. For a test, it gives the orders.
 */

const folder = process.env["UMAY_TEST_SABOTAGE"];

/** throw: an exception that nobody catches; reject: a rejection; exit: ends at once; hang: never answers again; pause: not for a second; heap: takes all the memory that it may. */
export type Sabotage = "throw" | "reject" | "exit" | "hang" | "pause" | "heap";

const deeds: Readonly<Record<Sabotage, () => void>> = {
  throw: () => {
    throw new Error("sabotage");
  },
  reject: () => {
    void Promise.reject(new Error("sabotage"));
  },
  exit: () => process.exit(3),
  // As an endless loop does, but without taking a core from the other tests.
  hang: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  pause: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000),
  heap: () => {
    const all: object[] = [];
    for (;;) all.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
  },
};

if (folder !== undefined) {
  const thread = isMainThread ? "main" : `worker-${(workerData as { id: number }).id}`;
  if (process.env["UMAY_TEST_SABOTAGE_AT_START"] === thread) deeds.throw();
  createServer((socket) => {
    socket.on("data", (deed) => setImmediate(deeds[deed.toString() as Sabotage]));
    socket.on("error", () => {});
  })
    .listen(join(folder, thread))
    .unref();
}

/** Options for a umay whose threads can be broken. @param dir an empty folder. */
export function sabotaged(dir: string, env: NodeJS.ProcessEnv = {}): StartOptions {
  return { nodeArgs: ["--import", import.meta.url], env: { UMAY_TEST_SABOTAGE: dir, ...env } };
}

/** Breaks a thread, `main` or `worker-1`; waits until there is one. */
export async function sabotage(dir: string, thread: string, deed: Sabotage): Promise<void> {
  const ordered = (): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(join(dir, thread), () => {
      socket.end(deed);
      resolve(true);
    });
    socket.on("error", () => resolve(false));
    return promise;
  };
  await becomes(ordered, (done) => done, `an order to ${thread}`);
}
