import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { logLevels } from "../../src/model/model.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { createWorkerLogger } from "../../src/observe/worker-logger.ts";

test("a worker's lines are as the main thread writes them, to the byte", () => {
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  using _ = { [Symbol.dispose]: () => mock.timers.reset() };
  const fields = {
    sni: 'a"}\n{"level":"fatal"\u2028\ud800',
    absent: undefined,
    received: 12,
    duration_ms: 0.001,
    attempts: [{ backend: "127.0.0.1:1", ms: 1.5, error: undefined }],
  };
  const expected: string[] = [];
  const pino = createLogger({ level: "debug" }, { write: (line) => expected.push(line) });
  const sent: string[] = [];
  const { logger, flush } = createWorkerLogger({ level: "debug" }, (lines) => sent.push(textOf(lines)));
  for (const each of [fields, {}]) {
    pino.info(each, 'the "end"');
    logger.info(each, 'the "end"');
    pino.debug(each, "x");
    logger.debug(each, "x");
  }
  flush();
  assert.equal(sent.join(""), expected.join(""));
});

test("a worker's lines below the level are not written", () => {
  const written = logLevels.map((level) => {
    const sent: string[] = [];
    const { logger, flush } = createWorkerLogger({ level }, (lines) => sent.push(textOf(lines)));
    logger.debug({}, "debug");
    logger.info({}, "info");
    flush();
    assert.equal(logger.isLevelEnabled("debug"), sent.join("").includes("debug"));
    assert.equal(logger.isLevelEnabled("info"), sent.join("").includes("info"));
    return sent.flatMap(messages).join(" ");
  });
  assert.deepEqual(written, ["debug info", "debug info", "info", "", "", "", ""]);
});

test("a worker's lines are sent together, 50 ms after the first", () => {
  using _ = useMockTimers();
  const batches: string[] = [];
  const { logger } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  logger.info({}, "one");
  mock.timers.tick(30);
  logger.info({}, "two");
  mock.timers.tick(19);
  assert.deepEqual(batches, []);
  mock.timers.tick(1);
  assert.deepEqual(batches.map(messages), [["one", "two"]]);
  mock.timers.tick(1000);
  assert.equal(batches.length, 1);
});

test("a worker's batch is sent at once when it has no room for another line in 64 KiB, whole lines only", () => {
  using _ = useMockTimers();
  const batches: string[] = [];
  const { logger } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  const text = "x".repeat(1000);
  for (let line = 0; line < 400; line++) logger.info({}, text);
  assert.ok(batches.length >= 5);
  for (const batch of batches) {
    assert.ok(batch.length >= 60 * 1024 && batch.length <= 64 * 1024);
    assert.ok(messages(batch).every((message) => message === text));
  }
});

test("a batch has no more memory than its lines need: many may wait for a slow reader", () => {
  const batches: Uint8Array[] = [];
  const { logger, flush } = createWorkerLogger({ level: "info" }, (lines) => batches.push(lines));
  logger.info({}, "one");
  flush();
  for (let line = 0; line < 100; line++) logger.info({}, "x".repeat(1_000));
  flush();
  assert.ok(batches.length >= 3);
  for (const { buffer, byteLength } of batches) assert.equal(buffer.byteLength, byteLength);
});

test("flush sends a worker's lines at once, and nothing where there is none", () => {
  const batches: string[] = [];
  const { logger, flush } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  flush();
  assert.deepEqual(batches, []);
  logger.info({}, "last words");
  flush();
  flush();
  assert.deepEqual(batches.map(messages), [["last words"]]);
});

test("a line that is longer than a batch is sent whole, and in its turn", () => {
  const batches: string[] = [];
  const { logger, flush } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  const texts = ["one", "é".repeat(50_000), "\u{1f600}".repeat(40_000), "two"];
  for (const text of texts) logger.info({}, text);
  flush();
  assert.deepEqual(batches.flatMap(messages), texts);
});

test("lines that are made later come in their turn, each as its own format has it", () => {
  const batches: string[] = [];
  const { logger, flush } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  const made: number[] = [];
  const one = (what: number): string => {
    made.push(what);
    return `{"msg":"one ${what}"}\n`;
  };
  const other = (what: number): Buffer => Buffer.from(`{"msg":"other ${what}"}\n`);
  logger.later(1, one);
  logger.later(2, one);
  assert.deepEqual(made, []);
  logger.later(3, other);
  logger.info({}, "now");
  for (let what = 4; what < 200; what++) logger.later(what, one);
  assert.ok(made.length >= 100);
  flush();
  const last = Array.from({ length: 196 }, (_, at) => `one ${at + 4}`);
  assert.deepEqual(batches.flatMap(messages), ["one 1", "one 2", "other 3", "now", ...last]);
});

test("a line that is made later is sent 50 ms after the first, though no other follows", () => {
  using _ = useMockTimers();
  const batches: string[] = [];
  const { logger } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  logger.later("late", (what) => `{"msg":"${what}"}\n`);
  mock.timers.tick(50);
  assert.deepEqual(batches.map(messages), [["late"]]);
});

test("a line that can't be made is lost alone, and is not tried again", () => {
  const batches: string[] = [];
  const { logger, flush } = createWorkerLogger({ level: "info" }, (lines) => batches.push(textOf(lines)));
  logger.later("bad", () => {
    throw new Error("no line");
  });
  assert.throws(flush, /no line/);
  logger.info({}, "next");
  flush();
  assert.deepEqual(batches.flatMap(messages), ["next"]);
});

const textOf = (lines: Uint8Array): string => Buffer.from(lines).toString();

function messages(lines: string): string[] {
  assert.ok(lines.endsWith("\n"));
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).msg);
}

function useMockTimers(): Disposable {
  mock.timers.enable({ apis: ["setTimeout"] });
  return { [Symbol.dispose]: () => mock.timers.reset() };
}
