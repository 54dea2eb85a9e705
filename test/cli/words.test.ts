import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, plural } from "../../src/cli/words.ts";

test("durations have their two largest units", () => {
  const texts: [seconds: number, text: string][] = [
    [0, "0 s"],
    [0.4, "0 s"],
    [59.6, "1 min"],
    [61, "1 min 1 s"],
    [3_600, "1 h"],
    [3_605, "1 h 5 s"],
    [93_784, "1 d 2 h"],
  ];
  for (const [seconds, text] of texts) assert.equal(duration(seconds), text);
});

test("one thing is singular", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => plural(count, "worker")),
    ["0 workers", "1 worker", "2 workers"],
  );
});
