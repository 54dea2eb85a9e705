import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import type { ToWorker } from "../../../src/channel/messages.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { Store } from "../../../src/control/state/store.ts";
import { Publishing } from "../../../src/control/workers/publishing.ts";
import { emptySeat, type Seat } from "../../../src/control/workers/seat.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { backendAt, boundAs } from "./feed-scene.ts";

const model = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", pool = "one" }
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:1"] }`);

/** Two workers whose threads only note what they are sent: the versions. */
function scene() {
  const store = new Store(model, boundAs(model), createSharedMemory(), new WorkerCounters(2));
  const sent: number[][] = [[], []];
  const ended: number[] = [];
  const told: [worker: number, version: number, refusal: string | undefined][] = [];
  const seats: Seat[] = sent.map((versions, index) => ({
    ...emptySeat(index + 1),
    ready: true,
    thread: {
      postMessage: (message: ToWorker) =>
        message.type === "change" && versions.push(message.difference.version),
      terminate: () => ended.push(index + 1),
    } as unknown as Worker,
  }));
  const publishing = new Publishing(seats, model.log, (...answer) => told.push(answer));
  const [one, two] = seats as [Seat, Seat];
  const applied = (seat: Seat, version: number): void =>
    publishing.answered(seat, { type: "applied", version, settled: version });
  const refused = (seat: Seat, version: number): void =>
    publishing.answered(seat, { type: "failed", version, reason: "no" });
  /** The backends of the pool are others from now on. */
  const change = (port: number): void => {
    store.setBackends("one", [backendAt(port)]);
    publishing.publish(store.takeTouched());
  };
  publishing.serve(store);
  return { store, publishing, one, two, sent, ended, told, applied, refused, change };
}

test("a version is served when every worker has answered it, or a newer one", async () => {
  const { publishing, one, two, applied, change, sent } = scene();
  const first = publishing.served(1);
  applied(one, 1);
  assert.deepEqual([publishing.applied, publishing.settled], [0, 0]);
  applied(two, 1);
  await first;
  change(1);
  change(2);
  await turn();
  assert.deepEqual(sent, [
    [1, 3],
    [1, 3],
  ]);
  const second = publishing.served(2);
  applied(one, 3);
  applied(two, 3);
  await second;
  assert.deepEqual([publishing.applied, publishing.settled], [3, 3]);
});

test("whoever waits for a version hears that a worker refuses it, or which one is late", async () => {
  const { publishing, one, two, applied, refused } = scene();
  applied(one, 1);
  await assert.rejects(
    publishing.served(1, 1),
    /^Error: not every worker serves it within 0.001 s: worker 2 is not done$/,
  );
  const waiting = publishing.served(1);
  refused(two, 1);
  await assert.rejects(waiting, /^Error: no$/);
});

test("a worker that refuses a change goes on with its last one; a replacement that has none is ended", () => {
  const { publishing, one, ended, told, applied, refused } = scene();
  refused(one, 1);
  applied(one, 1);
  refused(one, 2);
  assert.deepEqual(told, [
    [1, 1, "no"],
    [1, 1, undefined],
    [1, 2, "no"],
  ]);
  assert.deepEqual([ended, one.applied], [[], 1]);
  publishing.left(one);
  publishing.begin(one);
  refused(one, 3);
  assert.deepEqual([ended, one.failure.message, told.length], [[1], "no", 3]);
});

test("a worker without a thread holds up no pool that left, and gets all of the state when it is back", () => {
  const { store, publishing, one, two, applied, sent } = scene();
  applied(one, 1);
  applied(two, 1);
  publishing.left(two);
  store.setBackends("one", [backendAt(1)]);
  assert.deepEqual([publishing.settled, two.serving], [1, false]);
  publishing.begin(two);
  assert.deepEqual([publishing.settled, sent[1]], [0, [1, 2]]);
});

test("after a stop nothing is sent, neither what waits nor the state to a new thread", async () => {
  const { publishing, one, sent, change, applied } = scene();
  applied(one, 1);
  change(1);
  publishing.stop();
  change(2);
  await turn();
  publishing.begin(one);
  assert.deepEqual(sent, [[1], [1]]);
});
