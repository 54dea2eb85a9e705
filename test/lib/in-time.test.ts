import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FileTurns } from "../../src/lib/in-time.ts";

/** Something that is done to a file, until a test ends it. */
class Operation {
  began = 0;
  readonly #ends = Promise.withResolvers<string>();

  readonly run = (): Promise<string> => {
    this.began++;
    return this.#ends.promise;
  };

  end(): void {
    this.#ends.resolve("done");
  }
}

const good = async (): Promise<string> => "good";
const late = (seconds: number): { message: RegExp } => ({
  message: new RegExp(`^did not answer within ${seconds} s; check the file system`),
});

async function withClock(test: (pass: (time: number) => Promise<void>) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await test(async (time) => {
      await turn();
      mock.timers.tick(time);
      await turn();
    });
  } finally {
    mock.timers.reset();
  }
}

test("what is done to files in one folder is done one after the other, and gives what it gives", async () => {
  const turns = new FileTurns(1000);
  const [first, second] = [new Operation(), new Operation()];
  const [one, two] = [turns.run("/a", first.run), turns.run("/a", second.run)];
  await turn();
  assert.deepEqual([first.began, second.began], [1, 0]);
  first.end();
  assert.equal(await one, "done");
  await turn();
  assert.equal(second.began, 1);
  second.end();
  assert.equal(await two, "done");
  await assert.rejects(
    turns.run("/a", () => Promise.reject(new Error("no"))),
    { message: "no" },
  );
  await assert.rejects(
    turns.run("/a", () => {
      throw new Error("at once");
    }),
    { message: "at once" },
  );
  assert.equal(await turns.run("/a", good), "good");
});

test("what hangs is begun once however often it is asked for, and holds up its own folder alone", () =>
  withClock(async (pass) => {
    const turns = new FileTurns(1000);
    const hanging = new Operation();
    const first = assert.rejects(turns.run("/hung", hanging.run), late(1));
    const second = assert.rejects(turns.run("/hung", good), { message: /^is in a folder that does not/ });
    assert.equal(await turns.run("/other", good), "good");
    await pass(1000);
    await Promise.all([first, second]);
    for (let again = 0; again < 20; again++)
      await assert.rejects(turns.run("/hung", hanging.run), { message: /^is in a folder that does not/ });
    assert.equal(hanging.began, 1);
    assert.equal(await turns.run("/other", good), "good");
    hanging.end();
    await turn();
    assert.equal(await turns.run("/hung", good), "good");
  }));

test("three folders that hang take three threads and not the fourth, and others are tried again when one answers", () =>
  withClock(async (pass) => {
    const turns = new FileTurns(1000);
    const hanging = Array.from({ length: 5 }, () => new Operation());
    const asked = hanging.map(({ run }, number) =>
      turns.run(`/${number}`, run).catch(({ message }: Error) => message.replace(/;.*/, "")),
    );
    const began = (): number => hanging.reduce((sum, { began }) => sum + began, 0);
    await turn();
    assert.equal(began(), 2);
    await pass(1000);
    assert.equal(began(), 3);
    await pass(1000);
    assert.equal(began(), 3);
    assert.deepEqual(await Promise.all(asked), [
      ...Array(3).fill("did not answer within 1 s"),
      ...Array(2).fill("is not looked at: /0, /1, /2 do not answer"),
    ]);
    hanging[1]!.end();
    await turn();
    assert.equal(await turns.run("/4", good), "good");
  }));
