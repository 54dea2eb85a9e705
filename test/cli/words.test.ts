import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, plural, shortDuration } from "../../src/cli/words.ts";

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

test("short times have milliseconds, and sizes two or three digits", () => {
  assert.deepEqual([0, 0.45, 4.52, 12, 75].map(shortDuration), [
    "0 ms",
    "450 ms",
    "4.5 s",
    "12 s",
    "1 min 15 s",
  ]);
  assert.deepEqual([0, 999, 1_000, 1_536, 24_117_248, 1_048_500, 5e15].map(bytes), [
    "0",
    "999 B",
    "1.0 KiB",
    "1.5 KiB",
    "23 MiB",
    "1.0 MiB",
    "4547 TiB",
  ]);
});
