import assert from "node:assert/strict";
import { test } from "node:test";
import { labelsIn } from "../../../src/providers/envoy/map/labels.ts";

test("objects among labels are the same in whatever order their members are", () => {
  const one = labelsIn('{"a": {"b": 1, "c": {"d": [{"x": 1, "y": 2}], "e": null}}}');
  const other = labelsIn('{"a": {"c": {"e": null, "d": [{"y": 2, "x": 1}]}, "b": 1}}');
  assert.deepEqual(one, other);
  assert.notDeepEqual(labelsIn('{"a": [1, 2]}'), labelsIn('{"a": [2, 1]}'));
});
