import assert from "node:assert/strict";
import { test } from "node:test";
import { PoolWatches } from "../../../src/control/backends/pools.ts";
import type { DiscoveryError, DiscoverySource } from "../../../src/discovery/source.ts";
import { err, ok, type Result } from "../../../src/lib/result.ts";
import type { Backend } from "../../../src/model/backend.ts";
import { createLogger } from "../../../src/observe/logger.ts";

type Answer = Result<readonly Backend[], DiscoveryError>;

/** A source that yields what the test gives it. */
class Source implements DiscoverySource {
  #next = Promise.withResolvers<Answer | Error>();

  async *watch(signal: AbortSignal): AsyncGenerator<Answer> {
    while (!signal.aborted) {
      const answer = await this.#next.promise;
      this.#next = Promise.withResolvers();
      if (answer instanceof Error) throw answer;
      yield answer;
    }
  }

  /** Resolves when the answer has been dealt with. */
  async give(answer: Answer | Error): Promise<void> {
    this.#next.resolve(answer);
    await new Promise(setImmediate);
  }
}

const backend: Backend = {
  address: "127.0.0.1:80",
  target: { kind: "tcp", host: "127.0.0.1", port: 80 },
  weight: 1,
  tier: 0,
};

const found = ok([backend]);
const failed = err({ message: "no answer", serving: "nothing" } as const);

function watched(names: readonly string[]) {
  const sources = new Map(names.map((name) => [name, new Source()]));
  const calls: [string, number][] = [];
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const watch = new PoolWatches((pool, set) => calls.push([pool, set.length]), logger);
  const staged = [...sources].map(([pool, source]) => watch.stage(pool, source));
  for (const stage of staged) stage.commit();
  return { sources, calls, lines, watch, staged };
}

test("sets are handed on; errors are counted, logged and kept until discovery works again", async () => {
  const { sources, calls, lines, watch } = watched(["a"]);
  const a = sources.get("a")!;
  const state = watch.states.get("a")!;
  assert.deepEqual({ ...state }, { everFound: false, errors: 0, lastError: undefined });
  await a.give(failed);
  await a.give(failed);
  assert.deepEqual({ ...state }, { everFound: false, errors: 2, lastError: "no answer" });
  await a.give(found);
  assert.deepEqual({ ...state }, { everFound: true, errors: 2, lastError: undefined });
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
  const { sources, staged } = watched(["a", "b", "c"]);
  let there = false;
  void Promise.all(staged.map(({ firstAnswer }) => firstAnswer)).then(() => {
    there = true;
  });
  await sources.get("a")!.give(found);
  await sources.get("b")!.give(failed);
  assert.equal(there, false);
  await sources.get("c")!.give(new Error("a defect"));
  assert.equal(there, true);
});

test("a source that throws is logged as a defect, and the other pools go on", async () => {
  const { sources, calls, lines, watch } = watched(["a", "b"]);
  await sources.get("a")!.give(new Error("a defect"));
  assert.equal(lines[0]!["level"], "error");
  assert.match(watch.states.get("a")!.lastError!, /a defect/);
  await sources.get("b")!.give(found);
  assert.deepEqual(calls, [["b", 1]]);
});

test("nothing is handed on after the end", async () => {
  const { sources, calls, watch } = watched(["a"]);
  watch.stop();
  await sources.get("a")!.give(found);
  assert.deepEqual(calls, []);
});

test("a source that is to take another's place is followed, and hands on what it found only when it does", async () => {
  const { sources, calls, watch } = watched(["a"]);
  const before = sources.get("a")!;
  await before.give(failed);
  await before.give(found);
  const next = new Source();
  const stage = watch.stage("a", next);
  assert.equal(stage.found(), undefined);
  await next.give(ok([]));
  await stage.firstAnswer;
  assert.deepEqual(stage.found(), []);
  assert.deepEqual(calls.splice(0), [["a", 1]]);
  stage.commit();
  // Who commits has what was found.
  assert.deepEqual(calls, []);
  await before.give(ok([]));
  await next.give(found);
  assert.deepEqual(calls.splice(0), [["a", 1]]);
  assert.deepEqual({ ...watch.states.get("a") }, { everFound: true, errors: 1, lastError: undefined });

  const late = watch.stage("a", sources.get("a")!);
  late.abandon();
  await sources.get("a")!.give(ok([]));
  assert.equal(late.found(), undefined);
  watch.leave("a");
  await next.give(ok([]));
  assert.deepEqual(calls, []);
  assert.equal(watch.states.size, 0);
});
