import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Bucket } from "../../../src/providers/kubernetes/client/bucket.ts";

const never = new AbortController().signal;

/** A bucket of ten tokens, two a second, in time that the test moves on; and who had a turn so far. */
function begin(context: TestContext) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const bucket = new Bucket(2, 10, Date.now);
  const gone: string[] = [];
  const ask = (name: string, signal = never, isUrgent = false): Promise<unknown> =>
    bucket.turn(signal, isUrgent).then(
      () => gone.push(name),
      () => {},
    );
  const pass = async (milliseconds: number): Promise<number> => {
    for (let left = milliseconds; left > 0; left -= 50) {
      context.mock.timers.tick(50);
      await setImmediate();
    }
    return gone.length;
  };
  return { bucket, gone, ask, pass };
}

test("however many ask and fail, they are as few as tokens come", async (context) => {
  const { gone, ask, pass } = begin(context);
  for (let number = 0; number < 1_200; number++) void ask(String(number));
  assert.equal(await pass(50), 10);
  assert.equal(await pass(9_950), 30);
  assert.deepEqual(
    gone,
    Array.from({ length: 30 }, (_, number) => String(number)),
    "first come, first served",
  );
});

test("whoever succeeds lets the next one go at once", async (context) => {
  const { bucket, gone, ask, pass } = begin(context);
  for (let number = 0; number < 100; number++) void ask(String(number));
  await pass(50);
  for (let seen = 0; seen < gone.length; seen++) {
    bucket.giveBack();
    await setImmediate();
  }
  assert.equal(gone.length, 100);
  // No pause makes more than its ten.
  bucket.giveBack();
  for (let number = 0; number < 20; number++) void ask("more");
  assert.equal(await pass(50), 110);
});

test("urgent ones go first, and one that gives up takes no token", async (context) => {
  const { gone, ask, pass } = begin(context);
  for (let number = 0; number < 10; number++) void ask("first");
  await pass(50);
  const leaving = new AbortController();
  void ask("usual");
  void ask("leaves", leaving.signal, true);
  void ask("urgent", never, true);
  void ask("urgent too", never, true);
  leaving.abort();
  await pass(1_600);
  assert.deepEqual(gone.slice(10), ["urgent", "urgent too", "usual"]);
  await assert.rejects(new Bucket(1, 1).turn(AbortSignal.abort()), { name: "AbortError" });
});
