import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerLog } from "../../../src/control/tell/worker-log.ts";
import { createLogger } from "../../../src/observe/logger.ts";

function scene() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  return { lines, log: new WorkerLog(createLogger({ level: "info" }, { write })) };
}

test("the death of a worker says whether it is replaced, and what became of its connections", () => {
  const { lines, log } = scene();
  const error = new Error("out of memory");
  log.died({ worker: 2, error, backoff: 100, leftOpen: 0 });
  log.died({ worker: 1, error, backoff: undefined, leftOpen: 3 });
  const [replaced, draining] = lines;
  assert.deepEqual([replaced!["worker"], replaced!["again_in_ms"], replaced!["left_open"]], [2, 100, 0]);
  assert.equal(replaced!["msg"], "a worker died and is replaced; its sessions were reset");
  assert.equal(draining!["again_in_ms"], undefined);
  assert.match(String(draining!["msg"]), /is not replaced while draining; the system closed the connections/);
});

test("a refused snapshot is told with its cause", () => {
  const { lines, log } = scene();
  log.refuses(1, 7, "no such cipher");
  const [{ worker, version, cause } = {}] = lines;
  assert.deepEqual([worker, version, cause], [1, 7, "no such cipher"]);
});
