import assert from "node:assert/strict";
import { test } from "node:test";
import { type Loaded, Reloader } from "../../../src/control/change/reload.ts";
import type { Model } from "../../../src/model/model.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { ConfigError } from "../../../src/providers/toml/errors.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";

const first = await loadModel(smallest);
const second: Model = { ...(await loadModel(smallest.replace("9994", "9995"))), workers: first.workers + 1 };

/** A control plane that does as it is told. */
function scene() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const plane = {
    state: "ready",
    model: first,
    store: { snapshot: { version: 4 } },
    async reconfigure(next: Model): Promise<void> {
      this.model = { ...next, workers: this.model.workers };
      this.store.snapshot.version++;
    },
  };
  const file = { read: async (): Promise<Model> => second };
  const loaded = (model: Model): Loaded => ({
    model,
    warnings: [],
    effective: async () => [
      { key: "listeners.echo.bind", value: model.listeners[0]!.bind, origin: "test" },
      { key: "workers", value: model.workers, origin: "test" },
    ],
  });
  const load = async (): Promise<Loaded> => loaded(await file.read());
  const reloader = new Reloader(plane, loaded(first), load, logger);
  return { plane, file, reloader, lines };
}

test("a configuration is taken into service, and then there is nothing more to change", async () => {
  const { plane, reloader, lines } = scene();
  const change = { changes: ["listeners.echo: changed bind"], needs_restart: ["workers"], warnings: [] };
  assert.deepEqual(await reloader.reload("test", true), {
    ok: true,
    value: { result: "tried", generation: 4, ...change },
  });
  assert.equal(plane.model, first);
  const shown = async (): Promise<unknown> => (await reloader.effective()).map(({ value }) => value);
  assert.deepEqual(await shown(), [first.workers, first.listeners[0]!.bind]);
  assert.deepEqual(await reloader.reload("test", false), {
    ok: true,
    value: { result: "applied", generation: 5, ...change },
  });
  assert.deepEqual(await shown(), [first.workers, second.listeners[0]!.bind]);
  // What counts from the next start on is said until then.
  assert.deepEqual(await reloader.reload("test", false), {
    ok: true,
    value: { result: "unchanged", generation: 5, ...change, changes: [] },
  });
  assert.deepEqual([reloader.applied, reloader.failed], [2, 0]);
  assert.deepEqual(
    lines.map(({ level, by, changes, keys }) => [level, by, changes ?? keys]),
    [
      ["info", "test", change.changes],
      ["warn", undefined, ["workers"]],
      ["info", "test", []],
      ["warn", undefined, ["workers"]],
    ],
  );
});

test("what keeps it from that is answered, counted and logged", async () => {
  const { plane, file, reloader, lines } = scene();
  const problem = { severity: "error", where: "umay.toml:1:2", path: "a.b", message: "is wrong" } as const;
  const problems = [{ ...problem, hint: undefined, frame: undefined }];
  file.read = async () => {
    throw new ConfigError(problems);
  };
  const text = "umay.toml:1:2: a.b: is wrong";
  assert.deepEqual(await reloader.reload("test", false), { ok: false, error: { error: text, problems } });
  file.read = async () => second;
  plane.reconfigure = async () => {
    throw new Error("a port is taken");
  };
  assert.deepEqual(await reloader.reload("test", false), { ok: false, error: { error: "a port is taken" } });
  plane.state = "draining";
  const late = await reloader.reload("test", true);
  assert.ok(!late.ok && late.error.error.startsWith("umay is draining"));
  assert.deepEqual([reloader.applied, reloader.failed], [0, 2]);
  assert.deepEqual(
    lines.map(({ level, cause }) => [level, cause]),
    [
      ["error", [text]],
      ["error", "a port is taken"],
    ],
  );
});

test("reloads are done one after the other", async () => {
  const { plane, file, reloader } = scene();
  const order: string[] = [];
  file.read = async () => {
    order.push("read");
    await new Promise(setImmediate);
    return order.length === 1 ? second : first;
  };
  const { reconfigure } = plane;
  plane.reconfigure = async (next) => {
    await new Promise(setImmediate);
    await reconfigure.call(plane, next);
    order.push("served");
  };
  await Promise.all([reloader.reload("a", false), reloader.reload("b", false)]);
  assert.deepEqual(order, ["read", "served", "read", "served"]);
  assert.deepEqual(plane.model, first);
});
