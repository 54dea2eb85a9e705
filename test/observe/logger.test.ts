import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../../src/observe/logger.ts";

function capture(level: "info" | "debug" | "silent"): {
  logger: ReturnType<typeof createLogger>;
  lines: Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  return { logger: createLogger({ level }, { write: (line) => lines.push(JSON.parse(line)) }), lines };
}

test("a line has the level as a word, the time in ISO 8601, the fields and the message, and nothing else", () => {
  const { logger, lines } = capture("info");
  logger.warn({ pool: "echo", absent: undefined }, "no backend");
  const { time, ...rest } = lines[0]!;
  assert.equal(new Date(time as string).toISOString(), time);
  assert.deepEqual(rest, { level: "warn", pool: "echo", msg: "no backend" });
});

test("an error is logged with its type, message, stack and cause", () => {
  const { logger, lines } = capture("info");
  logger.error({ err: new TypeError("outer", { cause: new Error("inner") }) }, "failed");
  const error = lines[0]!["err"] as Record<string, string>;
  assert.equal(error["type"], "TypeError");
  assert.match(error["message"]!, /outer.*inner/);
  assert.match(error["stack"]!, /logger\.test\.ts[\s\S]*caused by: Error: inner/);
});

test("a line below the level is not written, and silent writes none", () => {
  const info = capture("info");
  info.logger.debug("not this");
  info.logger.info("but this");
  assert.deepEqual(
    info.lines.map((line) => line["msg"]),
    ["but this"],
  );
  const silent = capture("silent");
  silent.logger.fatal("not even this");
  assert.deepEqual(silent.lines, []);
});

test("what a client sent cannot break out of its line", () => {
  const written: string[] = [];
  const logger = createLogger({ level: "info" }, { write: (line) => written.push(line) });
  logger.info({ sni: 'a"}\n{"level":"fatal"\u2028\ud800' }, "x");
  assert.equal(written.length, 1);
  assert.equal(written[0]!.indexOf("\n"), written[0]!.length - 1);
  assert.equal(JSON.parse(written[0]!).level, "info");
});
