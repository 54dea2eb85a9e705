import assert from "node:assert/strict";
import { test } from "node:test";
import type { Open } from "../../src/data/open.ts";
import { killOpen, listOpen } from "../../src/data/open-sessions.ts";
import { parseCidr } from "../../src/lib/cidr.ts";
import { Crowd, outside } from "../../src/lib/crowd.ts";
import type { OpenRequest, SessionFilter, WorkerSession } from "../../src/model/open-session.ts";

const all: SessionFilter = {
  listener: undefined,
  pool: undefined,
  backend: undefined,
  client: undefined,
  limit: 10,
};

const told: WorkerSession = {
  id: "a-1",
  listener: "web",
  client: "10.0.0.1:5000",
  sni: null,
  alpn: null,
  tls: null,
  state: "relay",
  pool: "app",
  backend: "10.1.0.1:80",
  seconds: 1,
  received: 1,
  sent: 2,
  requests_total: null,
  requests: [],
};

class FakeOpen implements Open {
  place = outside;
  readonly number: number;
  readonly told: WorkerSession;
  ended = "";

  constructor(number: number, more: Partial<WorkerSession> = {}) {
    this.number = number;
    this.told = { ...told, id: `a-${number}`, ...more };
  }

  tell(): WorkerSession {
    return this.told;
  }

  end(reason: string): void {
    this.ended = reason;
  }

  vacate(): void {}
  endIfOverdue(): void {}
}

function crowdOf(members: readonly FakeOpen[]): Crowd<FakeOpen> {
  const crowd = new Crowd<FakeOpen>();
  for (const one of members) crowd.add(one);
  return crowd;
}

const request: OpenRequest = {
  id: "r",
  method: "GET",
  host: "a.test",
  path: "/",
  route: null,
  pool: "api",
  backend: "10.1.0.2:80",
  state: "sent",
  seconds: 1,
  received: 0,
  sent: 0,
};

test("those are listed that match in all that is asked for, whether by the connection or by one of its requests", async () => {
  const open = crowdOf([
    new FakeOpen(1),
    new FakeOpen(2, { client: "[2001:db8::7]:5000", listener: "mail" }),
    new FakeOpen(3, { pool: null, backend: null, requests: [request] }),
    new FakeOpen(4, { client: "" }),
  ]);
  const numbers = async (filter: Partial<SessionFilter>): Promise<string> =>
    (await listOpen(open, { ...all, ...filter })).sessions.map(({ id }) => id.slice(2)).join("");
  const range = (text: string): Partial<SessionFilter> => {
    const parsed = parseCidr(text);
    assert.ok(typeof parsed !== "string");
    return { client: parsed.cidr };
  };
  assert.equal(await numbers({}), "1234");
  assert.equal(await numbers({ listener: "mail" }), "2");
  assert.equal(await numbers({ pool: "app" }), "124");
  assert.equal(await numbers({ pool: "api" }), "3");
  assert.equal(await numbers({ backend: "10.1.0.2:80" }), "3");
  assert.equal(await numbers(range("10.0.0.0/8")), "13");
  assert.equal(await numbers(range("2001:db8::/32")), "2");
  assert.equal(await numbers({ ...range("10.0.0.1"), pool: "api" }), "3");
});

test("more than are asked for are counted, and a crowd that grows meanwhile comes to an end", async () => {
  const open = crowdOf(Array.from({ length: 1_200 }, (_, index) => new FakeOpen(index)));
  const growing = setInterval(() => {
    for (let more = 0; more < 1_000; more++) open.add(new FakeOpen(10_000 + more));
  });
  const { sessions, count } = await listOpen(open, all);
  clearInterval(growing);
  assert.deepEqual([sessions.length, count], [10, 1_200]);
  assert.equal(sessions[0]?.id, "a-0", "the oldest one first");
});

test("a connection is ended by its number, and no other one is", () => {
  const [one, other] = [new FakeOpen(1), new FakeOpen(2)];
  assert.ok(killOpen([one, other], 2));
  assert.deepEqual([one.ended, other.ended], ["", "killed"]);
  assert.ok(!killOpen([one], 3));
});
