import assert from "node:assert/strict";
import { test } from "node:test";
import { Reloader } from "../../../src/control/change/reload.ts";
import type { Model } from "../../../src/model/model.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { ConfigError, type Proposal, type Provider } from "../../../src/providers/provider.ts";
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
    async tryAddresses(): Promise<void> {},
    async reconfigure(next: Model): Promise<void> {
      this.model = { ...next, workers: this.model.workers };
      this.store.snapshot.version++;
    },
  };
  const file = { read: async (): Promise<Model> => second };
  const heard: Parameters<Proposal["heard"]>[0][] = [];
  let news = (): void => assert.fail("nobody watches");
  const provider: Provider = {
    source: "somewhere",
    propose: async () => ({
      model: await file.read(),
      warnings: [],
      effective: async () => [
        { key: "listeners.echo.bind", value: "127.0.0.1:9995", origin: "umay.toml:1:9" },
        { key: "workers", words: "as many as CPUs", origin: "default" },
      ],
      heard: (outcome) => void heard.push(outcome),
    }),
    watch: (tell) => {
      news = tell;
    },
    effective: async () => [{ key: "listeners.echo.bind", value: "127.0.0.1:9994", origin: "umay.toml:1:9" }],
  };
  const reloader = new Reloader(plane, provider, logger);
  return { plane, file, reloader, lines, heard, news: () => news() };
}

test("a configuration is taken into service, and then there is nothing more to change", async () => {
  const { plane, reloader, lines, heard } = scene();
  const values = [
    {
      key: "listeners.echo.bind",
      before: { value: "127.0.0.1:9994", origin: "umay.toml:1:9" },
      after: { value: "127.0.0.1:9995", origin: "umay.toml:1:9" },
    },
    { key: "workers", before: null, after: { value: "as many as CPUs", origin: "default" } },
  ];
  const change = {
    changes: ["listeners.echo: changed bind"],
    values: [],
    needs_restart: ["workers"],
    warnings: [],
  };
  assert.deepEqual(await reloader.reload("test", true), {
    ok: true,
    value: { result: "tried", generation: 4, ...change, values },
  });
  assert.equal(plane.model, first);
  assert.deepEqual(heard, []);
  assert.deepEqual(await reloader.reload("test", false), {
    ok: true,
    value: { result: "applied", generation: 5, ...change },
  });
  // Changes that count from the next start on are said until then.
  assert.deepEqual(await reloader.reload("test", false), {
    ok: true,
    value: { result: "unchanged", generation: 5, ...change, changes: [] },
  });
  assert.deepEqual([reloader.applied, reloader.failed], [2, 0]);
  assert.deepEqual(heard, [
    { ok: true, value: 5 },
    { ok: true, value: 5 },
  ]);
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
  const { plane, file, reloader, lines, heard } = scene();
  const problem = { severity: "error", where: "umay.toml:1:2", path: "a.b", message: "is wrong" } as const;
  const problems = [
    { ...problem, hint: undefined, frame: undefined },
    { ...problem, severity: "warning", message: "is odd", hint: undefined, frame: undefined } as const,
  ];
  file.read = async () => {
    throw new ConfigError(problems);
  };
  const texts = ["umay.toml:1:2: a.b: is wrong", "umay.toml:1:2: warning: a.b: is odd"];
  const error = texts.join("\n");
  assert.deepEqual(await reloader.reload("test", false), { ok: false, error: { error, problems } });
  file.read = async () => second;
  plane.reconfigure = async () => {
    throw new Error("a port is taken");
  };
  assert.deepEqual(await reloader.reload("test", false), { ok: false, error: { error: "a port is taken" } });
  assert.deepEqual(heard, [{ ok: false, error: "a port is taken" }]);
  plane.state = "draining";
  const late = await reloader.reload("test", true);
  assert.ok(!late.ok && late.error.error.startsWith("umay is draining"));
  assert.deepEqual([reloader.applied, reloader.failed], [0, 2]);
  assert.deepEqual(
    lines.map(({ level, cause }) => [level, cause]),
    [
      ["error", texts],
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

test("news that come while something is put into service make one more reload, and whoever asks has an answer", async () => {
  const { plane, file, reloader, lines, heard, news } = scene();
  reloader.follow(new AbortController().signal);
  const going = Promise.withResolvers<void>();
  const { reconfigure } = plane;
  let newest = second;
  file.read = async () => newest;
  plane.reconfigure = async (next) => {
    await going.promise;
    await reconfigure.call(plane, next);
  };
  news();
  await new Promise(setImmediate);
  newest = first;
  for (let each = 0; each < 5; each++) news();
  const asked = reloader.reload("a person", false);
  going.resolve();
  assert.deepEqual(await asked, {
    ok: true,
    value: { result: "unchanged", generation: 6, changes: [], values: [], needs_restart: [], warnings: [] },
  });
  assert.deepEqual(
    lines.flatMap(({ by, generation }) => (by === undefined ? [] : [[by, generation]])),
    [
      ["somewhere", 5],
      ["somewhere", 6],
      ["a person", 6],
    ],
  );
  assert.deepEqual(plane.model.listeners, first.listeners);
  assert.equal(heard.length, 3);
  // All were looked at: the next ones are new.
  news();
  assert.ok((await reloader.reload("a person", true)).ok);
  assert.equal(heard.length, 4);
});

test("what is proposed as it was is served on with what was renewed since; what is read anew counts as it is", async () => {
  const { plane, file, reloader } = scene();
  reloader.began(first);
  const [listener] = first.listeners;
  // As a renewal of its files makes it.
  const renewed = { ...listener!, maxConnections: 7 };
  plane.model = { ...first, listeners: [renewed] };
  const [pool] = first.pools;
  file.read = async () => ({ ...first, pools: [pool!, { ...pool!, name: "fresh" }] });
  const answer = await reloader.reload("the control plane", false);
  assert.deepEqual(answer.ok && answer.value.changes, ["pools.fresh: added"]);
  assert.equal(plane.model.listeners[0], renewed);
  file.read = async () => ({ ...first, listeners: [{ ...listener!, maxConnections: 8 }] });
  await reloader.reload("SIGHUP", false);
  assert.equal(plane.model.listeners[0]!.maxConnections, 8);
});
