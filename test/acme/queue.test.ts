import assert from "node:assert/strict";
import { test } from "node:test";
import { mostUrgent, OrderQueue, type Queued } from "../../src/acme/queue.ts";
import { waitAfter } from "../../src/acme/schedule.ts";

const minute = 60_000;
const hour = 60 * minute;

interface Life {
  /** The ends of the certificates that are there at first, in milliseconds, and whether they are to be renewed at once. */
  readonly first: readonly (readonly [end: number, revoked: boolean])[];
  readonly lifetime: number;
  /** The time that an order takes. */
  readonly order: number;
  /** Every so many orders one fails. */
  readonly failing: number;
}

/** Lives through ten lifetimes with an authority that suggests the last tenth of each. @returns how many were renewed behind their end. */
function endedIn({ first, lifetime, order, failing }: Life): number {
  const queue = new OrderQueue();
  queue.took(order);
  const until = (end: number) => ({
    certificate: { notAfter: end },
    wanted: end - lifetime / 10,
    soonest: end - lifetime / 2,
    tries: { notBefore: 0 },
    failures: 0,
  });
  const all = first.map(([end, revoked]) => ({
    ...until(end),
    ...(revoked && { wanted: 0 }),
    latest: 0,
    next: 0,
  }));
  let orders = 0;
  let late = 0;
  for (let now = 0; now < 10 * lifetime; queue.plan(all, now)) {
    const one = mostUrgent(all, now);
    if (one === undefined) {
      now = Math.min(...all.map(({ next }) => next));
      continue;
    }
    now += order;
    queue.took(order);
    const { notAfter } = one.certificate;
    if (notAfter < now) late++;
    if (++orders % failing > 0) Object.assign(one, until(now + lifetime));
    else
      one.tries = { notBefore: now + waitAfter(new Error("no"), ++one.failures, 2 * minute, notAfter - now) };
  }
  assert.ok(orders > 9 * first.length);
  return late;
}

const many = (count: number, end: number, revoked = false): Life["first"] =>
  Array.from({ length: count }, () => [end, revoked]);

const lives: Readonly<Record<string, Life>> = {
  "many that end at the same time, with slow orders": {
    first: many(40, 24 * hour),
    lifetime: 24 * hour,
    order: 5 * minute,
    failing: 7,
  },
  "some that have little time behind many that have more": {
    first: [...many(20, 24 * hour, true), ...many(10, 80 * minute)],
    lifetime: 24 * hour,
    order: 5 * minute,
    failing: 7,
  },
  "a few that are good for two minutes": {
    first: many(5, 2 * minute),
    lifetime: 2 * minute,
    order: 6_000,
    failing: 7,
  },
  "one whose every second order fails": {
    first: many(1, 10 * minute),
    lifetime: 10 * minute,
    order: 10_000,
    failing: 2,
  },
};
for (const [what, life] of Object.entries(lives))
  test(`no certificate ends before it is renewed: ${what}`, () => {
    assert.equal(endedIn(life), 0);
  });

const queued = (end: number | undefined, wanted: number, notBefore = 0): Queued => ({
  certificate: end === undefined ? undefined : { notAfter: end },
  wanted,
  soonest: 1,
  tries: { notBefore },
  latest: 0,
  next: undefined,
});

test("one that has no time goes before a name without a certificate, and that before one that has time", () => {
  const now = 90 * hour;
  const later = queued(now + 20 * hour, 0);
  const missing = queued(undefined, 0);
  const past = queued(now - 1, 0);
  const soon = queued(now + 40_000, 0);
  const waits = queued(now + 1, 0, now + 1);
  const left = new Set([later, missing, past, soon, waits]);
  new OrderQueue().plan(left, now);
  const turns: Queued[] = [];
  for (let one = mostUrgent([...left], now); one !== undefined; one = mostUrgent([...left], now)) {
    turns.push(one);
    left.delete(one);
  }
  assert.deepEqual(turns, [soon, missing, past, later]);
});

test("an order waits for the time that is suggested while those that end later have their turn all the same", () => {
  const end = 100 * hour;
  const all = [queued(end + 1, end - hour), queued(end, end - hour), queued(end - hour, end - 2 * hour)];
  const queue = new OrderQueue();
  queue.plan(all, 1);
  assert.deepEqual(
    all.map(({ next }) => next),
    [end - hour, end - hour, end - 2 * hour],
  );
  queue.took(30 * minute);
  queue.plan(all, 1);
  assert.deepEqual(
    all.map(({ latest }) => latest),
    [end + 1 - hour, end + 1 - 2 * hour, end + 1 - 3 * hour],
  );
  assert.deepEqual(
    all.map(({ next }) => next),
    [end - hour, end + 1 - 2 * hour, end + 1 - 3 * hour],
  );
});
