import assert from "node:assert/strict";
import { test } from "node:test";
import { Discovery } from "../../../src/control/backends/discovery.ts";
import type { DiscoverySource } from "../../../src/discovery/source.ts";
import { err, ok } from "../../../src/lib/result.ts";
import type { Backend } from "../../../src/model/backend.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { GivenSource } from "./given-source.ts";

const backend: Backend = {
  address: "127.0.0.1:80",
  target: { kind: "tcp", host: "127.0.0.1", port: 80 },
  weight: 1,
  tier: 0,
};

const found = ok([backend]);
const failed = err({ message: "no answer", serving: "nothing" } as const);

function watched(names: readonly string[]) {
  const sources = new Map(names.map((name) => [name, new GivenSource()]));
  const calls: [string, number][] = [];
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const follow = (pool: string, source: DiscoverySource, before?: Discovery) =>
    new Discovery(pool, source, before, logger);
  const handOn = (pool: string, discovery: Discovery): void =>
    discovery.handOn((set) => calls.push([pool, set.length]));
  const discoveries = new Map([...sources].map(([pool, source]) => [pool, follow(pool, source)]));
  for (const [pool, discovery] of discoveries) handOn(pool, discovery);
  return { sources, calls, lines, discoveries, follow, handOn };
}

test("a discovery that takes another one's place tells the truth about what is served meanwhile", async () => {
  for (const [serves, told] of [
    [true, ["last-good", "discovery failed: no answer; the backends from before are served on"]],
    [false, ["nothing", "discovery failed: no answer; no backend is known"]],
  ] as const) {
    const lines: Record<string, unknown>[] = [];
    const logger = createLogger({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
    const source = new GivenSource();
    new Discovery("a", source, undefined, logger, () => serves);
    await source.give(err({ message: "no answer; no backend is known", serving: "nothing" } as const));
    assert.deepEqual([lines[0]!["serving"], lines[0]!["msg"]], told);
  }
});

test("a pool whose backends change all the time gets ten lines, then one a minute", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sources, lines } = watched(["a"]);
  for (let port = 1; port <= 30; port++)
    await sources.get("a")!.give(ok([{ ...backend, address: `127.0.0.1:${port}` }]));
  assert.equal(lines.length, 10);
  t.mock.timers.tick(60_000);
  const { msg, changes, backends } = lines.at(-1)!;
  assert.deepEqual([lines.length, changes, backends], [11, 30, ["127.0.0.1:30"]]);
  assert.equal(msg, "backends of a pool change often; these are the newest");
});

test("the line of a minute has all of its changes, also where one of the next minute comes before it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { sources, lines } = watched(["a"]);
  const change = (port: number): Promise<void> =>
    sources.get("a")!.give(ok([{ ...backend, address: `127.0.0.1:${port}` }]));
  for (let port = 1; port <= 30; port++) await change(port);
  now = 60_001;
  await change(31);
  t.mock.timers.tick(120_000);
  assert.deepEqual(
    lines.slice(10).map(({ msg, changes }) => [msg, changes]),
    [
      ["backends of a pool change often; these are the newest", 30],
      ["backends of a pool changed", undefined],
    ],
  );
});

const stateOf = ({ everFound, errors, lastError }: Discovery) => ({ everFound, errors, lastError });

test("the log says which backends came and which left", async () => {
  const { sources, lines } = watched(["a"]);
  const a = sources.get("a")!;
  const other = { ...backend, address: "127.0.0.1:81" };
  for (const set of [[backend], [other], [other, backend]]) await a.give(ok(set));
  assert.deepEqual(
    lines.map(({ came, left }) => ({ came, left })),
    [
      { came: [backend.address], left: undefined },
      { came: [other.address], left: [backend.address] },
      { came: [backend.address], left: undefined },
    ],
  );
});

test("sets are handed on; errors are counted, logged and kept until discovery works again", async () => {
  const { sources, calls, lines, discoveries } = watched(["a"]);
  const a = sources.get("a")!;
  const state = discoveries.get("a")!;
  assert.deepEqual(stateOf(state), { everFound: false, errors: 0, lastError: undefined });
  await a.give(failed);
  await a.give(failed);
  assert.deepEqual(stateOf(state), { everFound: false, errors: 2, lastError: "no answer" });
  await a.give(found);
  assert.deepEqual(stateOf(state), { everFound: true, errors: 2, lastError: undefined });
  await a.give(ok([]));
  assert.equal(state.everFound, true);
  assert.deepEqual(calls, [
    ["a", 1],
    ["a", 0],
  ]);
  assert.deepEqual(
    lines.map(({ level, pool }) => [level, pool]),
    [
      ["warn", "a"],
      ["warn", "a"],
      ["info", "a"],
      ["info", "a"],
    ],
  );
});

test("an answer that changes nothing is not handed on", async () => {
  const { sources, calls, lines } = watched(["a"]);
  const a = sources.get("a")!;
  await a.give(found);
  await a.give(failed);
  await a.give(found);
  assert.deepEqual(calls, [["a", 1]]);
  assert.match(String(lines.at(-1)!["msg"]), /works again/);
});

test("the first answers are there when every pool has had one, good or bad", async () => {
  const { sources, discoveries } = watched(["a", "b", "c"]);
  let there = false;
  void Promise.all([...discoveries.values()].map(({ firstAnswer }) => firstAnswer)).then(() => {
    there = true;
  });
  await sources.get("a")!.give(found);
  await sources.get("b")!.give(failed);
  assert.equal(there, false);
  await sources.get("c")!.give(new Error("a defect"));
  assert.equal(there, true);
});

test("a source that throws is logged as a defect, and the other pools go on", async () => {
  const { sources, calls, lines, discoveries } = watched(["a", "b"]);
  await sources.get("a")!.give(new Error("a defect"));
  assert.equal(lines[0]!["level"], "error");
  assert.match(discoveries.get("a")!.lastError!, /a defect/);
  await sources.get("b")!.give(found);
  assert.deepEqual(calls, [["b", 1]]);
});

test("nothing is handed on after the end", async () => {
  const { sources, calls, discoveries } = watched(["a"]);
  discoveries.get("a")!.stop();
  await sources.get("a")!.give(found);
  assert.deepEqual(calls, []);
});

test("a source that is to take another's place is followed, and hands on what it finds only when it does", async () => {
  const { sources, calls, discoveries, follow, handOn } = watched(["a"]);
  const before = sources.get("a")!;
  await before.give(failed);
  await before.give(found);
  const source = new GivenSource();
  const next = follow("a", source, discoveries.get("a"));
  assert.equal(next.found, undefined);
  await source.give(ok([]));
  await next.firstAnswer;
  assert.deepEqual(next.found, []);
  assert.deepEqual(calls.splice(0), [["a", 1]]);
  discoveries.get("a")!.stop();
  handOn("a", next);
  // A caller that asks for it has the backends that were found.
  assert.deepEqual(calls, []);
  await before.give(ok([]));
  await source.give(found);
  assert.deepEqual(calls.splice(0), [["a", 1]]);
  assert.deepEqual(stateOf(next), { everFound: true, errors: 1, lastError: undefined });
});

test("nobody waits for the first answer of a source that is given up", async () => {
  const { calls, follow } = watched([]);
  const given = new GivenSource();
  const discovery = follow("a", given);
  discovery.stop();
  await discovery.firstAnswer;
  await given.give(found);
  assert.deepEqual([calls, discovery.found], [[], undefined]);
});
