import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceParent, traceParent } from "../../src/http/trace-context.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = "00f067aa0ba902b7";

test("a traceparent is read as W3C Trace Context says, and what is none begins a new trace", () => {
  const read = { traceId: trace, parentId: parent, sampled: true };
  assert.deepEqual(parseTraceParent(`00-${trace}-${parent}-01`), read);
  assert.deepEqual(parseTraceParent(`00-${trace}-${parent}-02`), { ...read, sampled: false });
  assert.deepEqual(parseTraceParent(`cc-${trace}-${parent}-01-what-the-future-brings`), read);
  for (const wrong of [
    "",
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${"0".repeat(32)}-${parent}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace}-${parent}-1`,
    `00-${trace}-${parent}-01, 00-${trace}-${parent}-01`,
    `cc-${trace}-${parent}-01.more`,
  ])
    assert.equal(parseTraceParent(wrong), undefined, wrong);
  assert.equal(traceParent(trace, parent, false), `00-${trace}-${parent}-00`);
});
