import assert from "node:assert/strict";
import { test } from "node:test";
import { guardCell } from "../../../src/channel/counters.ts";
import { createSharedMemory } from "../../../src/channel/memory.ts";
import { FaultJudge } from "../../../src/data/guard/fault.ts";
import type { GuardedRequest, Verdict } from "../../../src/data/guard/step.ts";
import type { Fault } from "../../../src/model/http/guard.ts";

const all = { percent: 100, unit: 1 };
const held = createSharedMemory().guardHeld;

/** A fault's judge, and the counters of its worker. */
function judgeOf(fault: Partial<Fault>) {
  const counters = new Float64Array(new SharedArrayBuffer(8 * guardCell.size));
  const placed = { kind: "fault", name: "faults.x", when: { kind: "any" }, slot: 0, counters: 0 } as const;
  held[0] = 0;
  return { judge: new FaultJudge({ ...placed, ...fault }, () => ({ counters, held })), counters };
}

/** Judges one request. @returns the verdict so far. */
function judged(judge: FaultJudge, fields: Readonly<Record<string, string>> = {}) {
  const told: Verdict[] = [];
  const request = { header: (name: string) => fields[name] } as unknown as GuardedRequest;
  const verdict = judge.judge(request, { settle: (late) => void told.push(late) });
  return { verdict, told };
}

/** The status that a request is answered with; "gRPC N" for a client of that, "on" where it goes on, "waits" where it is held up. */
function outcome(verdict: ReturnType<typeof judged>["verdict"]): number | string {
  if (verdict.kind !== "refuse") return verdict.kind === "wait" ? "waits" : "on";
  const { head, body } = verdict.answer!;
  const at = head.fields.findName("grpc-status");
  if (at >= 0) return `gRPC ${head.fields.value(at)}`;
  const usual = [204, 205, 304].includes(head.status) ? "" : "fault filter abort";
  return body.toString() === usual ? head.status : `${head.status} ${body}`;
}

test("a delay lets a request pass once its time is over", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { judge } = judgeOf({ delay: { ...all, time: 250 } });
  const { verdict, told } = judged(judge);
  assert.equal(verdict.kind, "wait");
  t.mock.timers.tick(249);
  assert.deepEqual([told, judge.waiting], [[], 1]);
  t.mock.timers.tick(1);
  assert.deepEqual([told, judge.waiting], [[{ kind: "pass" }], 0]);
});

test("a request that is over is told nothing any more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { judge } = judgeOf({ delay: { ...all, time: 250 } });
  const { verdict, told } = judged(judge);
  if (verdict.kind === "wait") verdict.withdraw();
  t.mock.timers.tick(1_000);
  assert.deepEqual([told, judge.waiting], [[], 0]);
});

test("a delay holds up its share of the requests, and no more than 10,000 at a time", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const draws = [39.9, 40, 0, 99].map((draw) => draw / 100);
  t.mock.method(Math, "random", () => draws.shift() ?? 0);
  const { judge } = judgeOf({ delay: { percent: 40, unit: 1, time: 250 } });
  const kinds = [1, 2, 3, 4].map(() => judged(judge).verdict.kind);
  assert.deepEqual(kinds, ["wait", "pass", "wait", "pass"]);
  for (let count = 0; count < 9_998; count++) judged(judge);
  assert.equal(judge.waiting, 10_000);
  assert.equal(judged(judge).verdict.kind, "pass");
});

test("a request that was held up may still be answered in place of a backend", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { judge } = judgeOf({ delay: { ...all, time: 250 }, abort: { ...all, answer: { status: 418 } } });
  const { verdict, told } = judged(judge);
  assert.equal(outcome(verdict), "waits");
  t.mock.timers.tick(250);
  assert.equal(outcome(told[0]!), 418);
});

test("a client of gRPC gets an outcome that it understands, and others a text", () => {
  const grpc = { "content-type": "application/grpc" };
  const { judge } = judgeOf({ abort: { ...all, answer: { status: 200, grpc: 5, text: "gone" } } });
  assert.deepEqual(
    [outcome(judged(judge, grpc).verdict), outcome(judged(judge).verdict)],
    ["gRPC 5", "200 gone"],
  );
  const { judge: worded } = judgeOf({ abort: { ...all, answer: { status: 503, text: "50 % č\n" } } });
  const told = judged(worded, grpc).verdict;
  const fields = told.kind === "refuse" ? told.answer!.head.fields : undefined;
  assert.equal(fields?.value(fields.findName("grpc-message")), "50 %25 %C4%8D%0A");
  const plain = judgeOf({ abort: { ...all, answer: { status: 503 } } }).judge;
  assert.deepEqual([outcome(judged(plain, grpc).verdict), outcome(judged(plain).verdict)], ["gRPC 14", 503]);
});

test("requests ask for a status themselves, of the first value that is one", () => {
  const { judge } = judgeOf({ abort: { ...all, answer: "field" } });
  const of = (status: string | undefined, more: Readonly<Record<string, string>> = {}): number | string =>
    outcome(
      judged(judge, { ...(status !== undefined && { "x-envoy-fault-abort-request": status }), ...more })
        .verdict,
    );
  assert.deepEqual(
    [undefined, "418", "+500", " 404 ", "204, 500", "199", "600", "abc", "500.0", ""].map((status) =>
      of(status),
    ),
    ["on", 418, 500, 404, 204, "on", "on", "on", "on", "on"],
  );
  const asks = { "x-envoy-fault-abort-grpc-request": "7" };
  assert.equal(of(undefined, { ...asks, "content-type": "application/grpc" }), "gRPC 7");
  assert.equal(of(undefined, asks), 200);
  assert.equal(of("503", asks), 503);
});

test("requests ask for a smaller share, and never for a larger one", (t) => {
  let draw = 0;
  t.mock.method(Math, "random", () => draw);
  const { judge } = judgeOf({ abort: { percent: 50, unit: 1, answer: "field" } });
  const of = (share: string, drawn: number): number | string => {
    draw = drawn;
    const fields = { "x-envoy-fault-abort-request": "503", "x-envoy-fault-abort-request-percentage": share };
    return outcome(judged(judge, fields).verdict);
  };
  assert.deepEqual(
    [of("10", 0.09), of("10", 0.1), of("100", 0.49), of("100", 0.5), of("x", 0.49)],
    [503, "on", 503, "on", 503],
  );
  const fine = judgeOf({ abort: { percent: 50, unit: 0.01, answer: "field" } }).judge;
  draw = 0.02;
  const fields = { "x-envoy-fault-abort-request": "503", "x-envoy-fault-abort-request-percentage": "100" };
  assert.equal(outcome(judged(fine, fields).verdict), "on");
});

test("requests ask to be held up, an hour at most", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { judge } = judgeOf({ delay: { ...all, time: "field" } });
  const of = (time: string) => judged(judge, { "x-envoy-fault-delay-request": time });
  for (const time of ["0", "-5", "x"]) assert.equal(of(time).verdict.kind, "pass", time);
  const [short, long] = [of("30"), of("999999999999")];
  t.mock.timers.tick(30);
  assert.deepEqual([short.told.length, long.told.length], [1, 0]);
  t.mock.timers.tick(3_600_000);
  assert.equal(long.told.length, 1);
});

test("a fault is for requests that meet its condition", () => {
  const test = { kind: "exact", value: "yes", ignoreCase: false } as const;
  const when = { kind: "header", match: { name: "x-fault", test, not: false } } as const;
  const { judge } = judgeOf({ when, abort: { ...all, answer: { status: 503 } } });
  assert.deepEqual(
    [judged(judge, { "x-fault": "yes" }), judged(judge, { "x-fault": "no" })].map(({ verdict }) =>
      outcome(verdict),
    ),
    [503, "on"],
  );
});

test("with as many held up as may be, over all workers, others get no fault, and the books tell who holds them", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const abort = { ...all, answer: { status: 503 } };
  const { judge, counters } = judgeOf({ delay: { ...all, time: 250 }, abort, most: 2 });
  const first = judged(judge).verdict;
  // Another worker's.
  Atomics.add(held, 0, 1);
  assert.deepEqual([first, judged(judge).verdict].map(outcome), ["waits", "on"]);
  assert.deepEqual([counters[guardCell.begun], counters[guardCell.over]], [1, 0]);
  if (first.kind === "wait") first.withdraw();
  assert.deepEqual(
    [counters[guardCell.begun], counters[guardCell.over], held[0], judge.waiting],
    [1, 1, 1, 0],
  );
  assert.equal(judged(judge).verdict.kind, "wait");
  assert.equal(outcome(judged(judgeOf({ abort, most: 0 }).judge).verdict), "on");
});
