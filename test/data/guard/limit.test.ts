import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { createAddressTable, giveBackOfWorker } from "../../../src/channel/address-table.ts";
import { systemClock } from "../../../src/data/accept/client-table.ts";
import { compileKey, hashKey, keyText } from "../../../src/data/guard/limit/key.ts";
import { LimitJudge } from "../../../src/data/guard/limit/limit.ts";
import { LimitTable } from "../../../src/data/guard/limit/table.ts";
import type { GuardedRequest } from "../../../src/data/guard/step.ts";
import type { KeyedRate, LimitKeyPart, RateLimit } from "../../../src/model/http/guard.ts";
import { everybody, type TakenInWorker, type Taking } from "../../support/take-in-worker.ts";

const limit: RateLimit = {
  kind: "rate-limit",
  name: "rate_limits.x",
  key: [[{ kind: "client-ip", v4: 32, v6: 64 }]],
  rate: { requests: 10, period: 1_000 },
  burst: 5,
  concurrent: undefined,
  keys: 65_536,
  fields: "refused",
};

interface Asked {
  readonly client?: string;
  readonly route?: string;
  readonly user?: string;
  readonly claims?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, string>>;
}

const requestOf = ({
  client = "192.0.2.1",
  route = "r",
  user = "",
  claims = {},
  fields = {},
}: Asked): GuardedRequest => ({
  connection: {} as GuardedRequest["connection"],
  client,
  route,
  passage: { user, claim: (name) => claims[name] ?? "" },
  header: (name, which) => (which === "first" ? fields[name]?.split(", ")[0] : fields[name]),
  queryValue: () => undefined,
});

test("a bucket lets its burst through, then its rate, whichever worker asks", () => {
  const memory = createAddressTable(1, 3, 1);
  let now = 1_000_000;
  const workers = [1, 2, 3].map((worker) => new LimitTable(memory, worker, limit, () => now));
  const key = hashKey("a", 1);
  const kinds = Array.from({ length: 6 }, (_, index) => workers[index % 3]!.take(key).kind);
  assert.deepEqual(kinds, ["ok", "ok", "ok", "ok", "ok", "rate"]);
  now += 100;
  assert.deepEqual([workers[1]!.take(key).kind, workers[2]!.take(key).kind], ["ok", "rate"]);
  assert.equal(workers[0]!.take(hashKey("b", 1)).kind, "ok");
});

test("in any time no more passes than the rate and one burst, and after a pause all of the burst", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ wait: fc.integer({ min: 0, max: 400 }), worker: fc.nat(3) }), { maxLength: 200 }),
      (steps) => {
        const memory = createAddressTable(1, 4, 1);
        let now = 5_000;
        const workers = [1, 2, 3, 4].map((worker) => new LimitTable(memory, worker, limit, () => now));
        const key = hashKey("a", 1);
        const passed: number[] = [];
        for (const { wait, worker } of steps) {
          now += wait;
          const { kind, left, full } = workers[worker]!.take(key);
          if (kind === "ok") passed.push(now);
          assert.ok(left >= 0 && left < limit.burst && full <= limit.burst * 100 + 1);
        }
        for (const [index, from] of passed.entries()) {
          const last = passed[index + limit.burst];
          if (last !== undefined) assert.ok(last - from >= 99.9, "more than the burst within one interval");
        }
        now += limit.burst * 100;
        for (let count = 0; count < limit.burst; count++) assert.equal(workers[0]!.take(key).kind, "ok");
        assert.equal(workers[0]!.take(key).kind, "rate");
      },
    ),
    { numRuns: 50 },
  );
});

test("four threads at 10,000 requests a second and more get what the rate gives meanwhile, ±1", async (context) => {
  const memory = createAddressTable(1, 4, 1);
  const fast = { rate: { requests: 1_000, period: 1_000 }, burst: 1_000, concurrent: undefined };
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const workers = [1, 2, 3, 4].map((worker) => {
    const workerData: Taking = { memory, limit: fast, worker, each: 100, rounds: 100, begin };
    return new Worker(new URL("../../support/take-in-worker.ts", import.meta.url), { workerData });
  });
  context.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const answers = workers.map((worker) => once(worker, "message") as Promise<[TakenInWorker]>);
  let began = 0;
  const table = new LimitTable(memory, 1, fast, () => {
    began = systemClock();
    return began;
  });
  // Once the burst is used up, only a pause of a second could lose what the rate gives.
  while (table.take(everybody).kind === "ok");
  Atomics.store(begin, 0, 1);
  Atomics.notify(begin, 0);
  const taken = (await Promise.all(answers)).map(([answer]) => answer);
  const time = Math.max(...taken.map(({ last }) => last)) - began;
  const passed = taken.reduce((sum, each) => sum + each.passed, 0);
  assert.ok(Math.abs(passed - time) <= 1, `${passed} in ${time} ms`);
});

test("no more are under way than may be, and a worker that dies gives back what it had", () => {
  const memory = createAddressTable(1, 2, 1);
  const concurrent = { rate: undefined, burst: 1, concurrent: 2 };
  const [one, two] = [1, 2].map((worker) => new LimitTable(memory, worker, concurrent));
  const key = hashKey("a", 1);
  const { place } = one!.take(key);
  assert.equal(two!.take(key).kind, "ok");
  assert.equal(one!.take(key).kind, "busy");
  one!.leave(place);
  assert.equal(one!.take(key).kind, "ok");
  assert.equal(two!.take(key).kind, "busy");
  giveBackOfWorker(memory, 1);
  assert.equal(two!.take(key).kind, "ok");
  assert.equal(two!.take(key).kind, "busy");
});

test("a key for which there is no place is told of a full bucket, and of nobody else's", () => {
  const table = new LimitTable(createAddressTable(1, 1, 1), 1, { ...limit, concurrent: 1 });
  const set = (high: number) => ({ high, low: 0 });
  let high = 1;
  // Each has a request under way, until all places of the set are taken.
  while (table.take(set(high)).place >= 0) high++;
  assert.ok(high > 1);
  const { kind, left, next, full } = table.take(set(high + 1));
  assert.deepEqual([kind, left, next, full], ["ok", limit.burst, 0, 0]);
});

test("hundreds of thousands of keys need no more memory than the table has, and those that are limited are remembered longest", () => {
  const memory = createAddressTable(1, 1, 1);
  const { byteLength } = memory;
  const now = 1_000;
  const table = new LimitTable(memory, 1, limit, () => now);
  const busy = hashKey("busy", 1);
  for (let count = 0; count < 5; count++) table.take(busy);
  assert.equal(table.take(busy).kind, "rate");
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 300_000; count++) table.take(hashKey(`key ${count}`, 1));
  assert.equal(memory.byteLength, byteLength);
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 2 ** 20);
  assert.equal(table.take(busy).kind, "rate", "others made it forget");
});

describe("a key", () => {
  const text = (key: readonly (readonly LimitKeyPart[])[], asked: Asked): string | undefined =>
    keyText(
      key.map((parts, index) => compileKey(parts, String(index))),
      requestOf(asked),
    );
  const header: LimitKeyPart = { kind: "header", name: "x-user" };
  const ip = (v4 = 32, v6 = 64): LimitKeyPart => ({ kind: "client-ip", v4, v6 });

  test("is the first that the request has all of", () => {
    const key = [[header], [{ kind: "user" } as const, { kind: "route" } as const], [ip()]];
    const all = [
      text(key, { fields: { "x-user": "7" } }),
      text(key, { user: "7" }),
      text(key, { user: "7", route: "other" }),
      text(key, {}),
      text(key, { fields: { "x-user": "" }, client: "192.0.2.2" }),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(text([[header]], {}), undefined);
    assert.equal(text([[ip()]], { client: "" }), undefined);
    assert.equal(text([[{ kind: "claim", name: "org" }]], { claims: { org: "a" } }), "0\0a");
    assert.equal(text([[{ kind: "cookie", name: "sid" }]], { fields: { cookie: "a=1; sid=2" } }), "0\x002");
  });

  test("of addresses is their network", () => {
    const same = (key: LimitKeyPart, one: string, other: string): boolean =>
      text([[key]], { client: one }) === text([[key]], { client: other });
    assert.ok(!same(ip(), "192.0.2.1", "192.0.2.2"));
    assert.ok(same(ip(24), "192.0.2.1", "192.0.2.254"));
    assert.ok(!same(ip(24), "192.0.2.1", "192.0.3.1"));
    assert.ok(same(ip(), "2001:db8::1", "2001:db8::ffff:1"));
    assert.ok(!same(ip(), "2001:db8::1", "2001:db8:0:1::1"));
    assert.ok(same(ip(32, 48), "2001:db8::1", "2001:db8:0:1::1"));
    assert.ok(!same(ip(32, 48), "2001:db8::1", "2001:db8:1::1"));
    assert.ok(same(ip(32, 20), "2001:db8::1", "2001:d00:1::1"));
    assert.ok(!same(ip(), "0.0.0.1", "::1"));
  });
});

describe("rates for certain requests", () => {
  const header = (name: string, is?: string): LimitKeyPart => ({
    kind: "header",
    name,
    ...(is !== undefined && { is }),
  });
  const rateOf = (
    name: string,
    key: readonly LimitKeyPart[],
    burst: number,
    more: Partial<KeyedRate> = {},
  ) => ({
    name,
    key,
    burst,
    rate: { requests: 1, period: 3_600_000 },
    cost: 1,
    ...more,
  });
  const judgeOf = (changes: Partial<RateLimit>, table = createAddressTable(1, 1, 1)): LimitJudge =>
    new LimitJudge(
      {
        ...limit,
        key: [[]],
        rate: { requests: 1, period: 3_600_000 },
        burst: 100,
        fields: "never",
        ...changes,
        slot: 0,
        counters: 0,
        table,
        seed: 1,
      },
      1,
    );
  /** Of each request whether it passes. */
  const passed = (judge: LimitJudge, ...requests: readonly Asked[]): readonly boolean[] =>
    requests.map((asked) => judge.judge(requestOf(asked)).kind === "pass");
  const gold = { fields: { "x-tier": "gold" } };
  const other = { fields: { "x-tier": "other" } };

  test("count in place of the limit's own, the first of a group that fits", () => {
    const rates = [[rateOf("gold", [header("x-tier", "gold")], 2), rateOf("any", [header("x-tier")], 1)]];
    const judge = judgeOf({ burst: 1, rates });
    assert.deepEqual(passed(judge, gold, gold, gold), [true, true, false]);
    assert.deepEqual(passed(judge, other, other, { fields: { "x-tier": "third" } }), [true, false, true]);
    assert.deepEqual(passed(judge, {}, {}), [true, false]);
  });

  test("count beside the limit's own where that always does", () => {
    const judge = judgeOf({
      burst: 1,
      always: true,
      rates: [[rateOf("gold", [header("x-tier", "gold")], 5)]],
    });
    assert.deepEqual(passed(judge, gold, gold), [true, false]);
  });

  test("of several groups all have to have room, and the slowest refuses before the others count", () => {
    const fast = { rate: { requests: 10, period: 3_600_000 } };
    const rates = [[rateOf("a", [header("a", "1")], 2, fast)], [rateOf("b", [header("b", "1")], 1)]];
    const judge = judgeOf({ rates });
    const [a, both] = [{ fields: { a: "1" } }, { fields: { a: "1", b: "1" } }];
    assert.deepEqual(passed(judge, both, both, a, a), [true, false, true, false]);
  });

  test("of one name share their counts, also those of another limit that counts in the same table", () => {
    const table = createAddressTable(1, 1, 1);
    const [one, two] = ["x", "y"].map((name) =>
      judgeOf({ name: `rate_limits.${name}`, rates: [[rateOf("shared", [], 3)]] }, table),
    );
    assert.deepEqual([...passed(one!, {}, {}), ...passed(two!, {}, {})], [true, true, true, false]);
    const twice = judgeOf({ rates: [[rateOf("g", [], 3)], [rateOf("g", [], 3)]] });
    assert.deepEqual(passed(twice, {}, {}), [true, false]);
  });

  test("may take several tokens of a request, let none pass, or look on", () => {
    assert.deepEqual(passed(judgeOf({ rates: [[rateOf("g", [], 5, { cost: 2 })]] }), {}, {}, {}), [
      true,
      true,
      false,
    ]);
    assert.deepEqual(passed(judgeOf({ rates: [[rateOf("g", [], 0)]] }), {}), [false]);
    const judge = judgeOf({ burst: 3, always: true, rates: [[rateOf("g", [], 1, { looksOn: true })]] });
    assert.deepEqual(passed(judge, {}, {}, {}, {}), [true, true, true, false]);
  });

  test("take an empty field as a value, and a claim or a user that nobody knows for none", () => {
    const judge = judgeOf({ rates: [[rateOf("any", [header("x-tier")], 1)]] });
    const empty = { fields: { "x-tier": "" } };
    assert.deepEqual(passed(judge, empty, empty, {}, {}), [true, false, true, true]);
    const claims = judgeOf({ rates: [[rateOf("any", [{ kind: "claim", name: "plan" }], 1)]] });
    assert.deepEqual(passed(claims, {}, {}, { claims: { plan: "a" } }, { claims: { plan: "a" } }), [
      true,
      true,
      true,
      false,
    ]);
  });

  test("count a request by the first field of a name, whatever others it has", () => {
    const of = (value: string): Asked => ({ fields: { "x-tier": value } });
    const fixed = judgeOf({ rates: [[rateOf("gold", [header("x-tier", "gold")], 1)]] });
    assert.deepEqual(passed(fixed, of("gold"), of("gold, 1"), of("1, gold")), [true, false, true]);
    const any = judgeOf({ rates: [[rateOf("any", [header("x-tier")], 1)]] });
    assert.deepEqual(passed(any, of("gold"), of("gold, 1"), of("gold, 2")), [true, false, false]);
  });

  test("are for addresses of a range, for requests that meet a condition, and for each connection", () => {
    const range = judgeOf({
      rates: [[rateOf("n", [{ kind: "client-ip", v4: 32, v6: 64, is: "192.0.2.0/24" }], 1)]],
    });
    const [near, far] = [{ client: "192.0.2.7" }, { client: "198.51.100.1" }];
    assert.deepEqual(passed(range, near, { client: "192.0.2.8" }, far, { client: "" }), [
      true,
      false,
      true,
      true,
    ]);
    const test = { kind: "exact", value: "1", ignoreCase: false } as const;
    const when = { kind: "header", match: { name: "a", test, not: false } } as const;
    const met = judgeOf({ rates: [[rateOf("c", [{ kind: "condition", when }], 1)]] });
    assert.deepEqual(passed(met, { fields: { a: "1" } }, { fields: { a: "1" } }, {}), [true, false, true]);
    const each = judgeOf({ burst: 1, key: [[{ kind: "connection" }]] });
    const [one, two] = [requestOf({}), requestOf({})];
    assert.deepEqual(
      [one, one, two, two].map((request) => each.judge(request).kind),
      ["pass", "refuse", "pass", "refuse"],
    );
  });

  test("are told in the fields before the draft, by the slowest of those that count", () => {
    const lines = (verdict: ReturnType<LimitJudge["judge"]>): string | undefined =>
      (verdict.kind === "pass" ? verdict.responseLines : verdict.lines)?.replace(/^retry-after: \d+\r\n/, "");
    const told = (limit: number, left: number, reset: number): string =>
      `x-ratelimit-limit: ${limit}\r\nx-ratelimit-remaining: ${left}\r\nx-ratelimit-reset: ${reset}\r\n`;
    const rates = [
      [rateOf("g", [header("x-tier", "gold")], 2)],
      [rateOf("s", [header("x-tier", "silent")], 2, { tells: false })],
    ];
    const judge = judgeOf({ always: true, fields: "always", form: "x-ratelimit", rates });
    assert.equal(lines(judge.judge(requestOf(gold))), told(2, 1, 0));
    assert.equal(lines(judge.judge(requestOf(gold))), told(2, 0, 3_600));
    assert.equal(lines(judge.judge(requestOf(gold))), told(2, 0, 3_600));
    assert.equal(lines(judge.judge(requestOf({}))), told(100, 97, 0));
    assert.equal(lines(judge.judge(requestOf({ fields: { "x-tier": "silent" } }))) ?? "", "");
  });
});

test("a part of the requests is counted, and a part of those over the limit refused; backends are told of the others", (t) => {
  const draws = [0.5, 0.4, 0.4, 0.9];
  t.mock.method(Math, "random", () => draws.shift()!);
  const judge = new LimitJudge(
    {
      ...limit,
      burst: 1,
      counted: 50,
      enforced: 10,
      spared: { lines: "x-over: 1\r\n", replaces: ["x-over"] },
      slot: 0,
      counters: 0,
      table: createAddressTable(1, 1, 1),
      seed: 1,
    },
    1,
  );
  const verdicts = Array.from({ length: 3 }, () => judge.judge(requestOf({})));
  assert.deepEqual(
    verdicts.map((verdict) => verdict.kind === "pass" && verdict.requestLines),
    [undefined, undefined, "x-over: 1\r\n"],
  );
  assert.deepEqual(verdicts[2]!.kind === "pass" && verdicts[2]!.replaces, ["x-over"]);
  draws.push(0.4, 0.09);
  assert.equal(judge.judge(requestOf({})).kind, "refuse");
});

test("a refused client is told when to come again", () => {
  const judge = (changes: Partial<RateLimit>): LimitJudge =>
    new LimitJudge(
      { ...limit, ...changes, slot: 0, counters: 0, table: createAddressTable(1, 1, 1), seed: 1 },
      1,
    );
  const slow = judge({ rate: { requests: 2, period: 60_000 }, burst: 1, fields: "always" });
  const first = slow.judge(requestOf({}));
  assert.ok(first.kind === "pass");
  assert.equal(first.responseLines, 'ratelimit-policy: "x";q=1;w=30\r\nratelimit: "x";r=0;t=30\r\n');
  const second = slow.judge(requestOf({}));
  assert.ok(second.kind === "refuse" && second.reason === "rate_limited");
  assert.match(
    second.lines!,
    /^retry-after: 30\r\nratelimit-policy: "x";q=1;w=30\r\nratelimit: "x";r=0;t=30\r\n$/,
  );
  const few = judge({ rate: undefined, concurrent: 1, fields: "never" });
  const held = few.judge(requestOf({}));
  const busy = few.judge(requestOf({}));
  assert.ok(busy.kind === "refuse" && busy.lines === "retry-after: 1\r\n");
  assert.ok(held.kind === "pass");
  held.held!.giveBack();
  assert.equal(few.judge(requestOf({})).kind, "pass");
});
