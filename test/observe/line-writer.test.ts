import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { LineWriter } from "../../src/observe/line-writer.ts";
import { patient } from "../support/patience.ts";

type Step = number | "fail";

/** Takes what the script says (so many bytes, or an error), then everything. */
function scripted(script: readonly Step[]): { writer: LineWriter; output: () => string; errors: Error[] } {
  const steps = [...script];
  const taken: Buffer[] = [];
  const errors: Error[] = [];
  const writer = new LineWriter(
    (bytes, done) =>
      setImmediate().then(() => {
        const step = steps.shift() ?? bytes.length;
        if (step === "fail") return done(new Error("disk full"), 0);
        const part = bytes.subarray(0, Math.max(1, step));
        taken.push(Buffer.from(part));
        done(null, part.length);
      }),
    (error) => errors.push(error),
  );
  return { writer, output: () => Buffer.concat(taken).toString(), errors };
}

const lineOf = (number: number): string => `${number}:${"é".repeat(number % 7)}\n`;

test("whatever fails and however little is taken: whole lines in order, and every other line is counted", async () => {
  const step = fc.oneof(fc.constant<Step>("fail"), fc.integer({ min: 1, max: 30 }));
  const batches = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), batches, async (script, sizes) => {
      const { writer, output, errors } = scripted(script);
      let next = 0;
      for (const [index, size] of sizes.entries()) {
        const lines = Array.from({ length: size }, () => lineOf(next++)).join("");
        writer.write(index % 2 === 0 ? lines : Buffer.from(lines));
        if (index % 3 === 2) await setImmediate();
      }
      await writer.flush();
      // One line more completes the one that may have been cut short.
      for (let attempt = 0; attempt <= script.length; attempt++) {
        writer.write(lineOf(next++));
        await writer.flush();
      }
      const lines = output().split(/(?<=\n)/);
      const numbers = lines.map((line) => Number.parseInt(line, 10));
      assert.deepEqual(lines, numbers.map(lineOf));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
      assert.equal(numbers.length + writer.dropped, next);
      if (errors.length === 0) assert.equal(writer.dropped, 0);
    }),
    { numRuns: 200 },
  );
});

test("the first line is written at once, what comes meanwhile is written together", async () => {
  const writes: string[] = [];
  const pending: (() => void)[] = [];
  const writer = new LineWriter(
    (bytes, done) => {
      writes.push(bytes.toString());
      pending.push(() => done(null, bytes.length));
    },
    () => {},
  );
  writer.write("1\n");
  assert.deepEqual(writes, ["1\n"]);
  writer.write("2\n");
  writer.write("3\n");
  assert.equal(writes.length, 1);
  pending.shift()!();
  assert.deepEqual(writes, ["1\n", "2\n3\n"]);
  pending.shift()!();
  await writer.flush();
});

test("behind a reader that does not read, 16 MiB wait and the rest is dropped whole and counted", async () => {
  const writer = new LineWriter(
    () => {},
    () => {},
  );
  const lines = `${"x".repeat(1023)}\n`.repeat(1024);
  for (let mebibyte = 0; mebibyte < 16; mebibyte++) writer.write(lines);
  assert.equal(writer.dropped, 0);
  writer.write(lines);
  assert.equal(writer.dropped, 1024);
});

test("flush gives up after a second, and counts what it left behind", async () => {
  const writer = new LineWriter(
    () => {},
    () => {},
  );
  writer.write("1\n");
  writer.write("2\n3\n");
  const began = performance.now();
  await writer.flush();
  const took = performance.now() - began;
  assert.ok(took > 900 && took < patient(5000), `${took} ms`);
  assert.equal(writer.dropped, 3);
});
