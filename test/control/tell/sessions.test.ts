import assert from "node:assert/strict";
import { test } from "node:test";
import { answerSessions, readFilter, type SessionsAnswer } from "../../../src/control/tell/sessions.ts";
import type { WorkerSession } from "../../../src/model/open-session.ts";

function complaint(query: string): string {
  const filter = readFilter(new URLSearchParams(query));
  assert.ok(!filter.ok);
  return filter.error;
}

test("a filter is read whole, or what is wrong with it is said", () => {
  const read = readFilter(new URLSearchParams("client=10.0.0.0/8&backend=a:1&limit=5"));
  assert.deepEqual(read, {
    ok: true,
    value: {
      listener: undefined,
      pool: undefined,
      backend: "a:1",
      client: { family: "ipv4", address: "10.0.0.0", prefix: 8 },
      limit: 5,
    },
  });
  assert.equal(complaint("bakend=a"), 'there is no parameter bakend; did you mean "backend"?');
  assert.match(complaint("client=10.0.0.1:80"), /^client: 10\.0\.0\.1:80 is no IP address/);
  for (const limit of ["0", "1.5", "x", "10001"])
    assert.match(complaint(`limit=${limit}`), /^limit: expected/);
});

test("the lists of all workers become one, oldest first, and who does not answer is named", async () => {
  const session = (id: string, seconds: number): WorkerSession => ({ id, seconds }) as WorkerSession;
  const lists = [
    { sessions: [session("a", 3), session("b", 1)], count: 7 },
    undefined,
    { sessions: [session("c", 2)], count: 1 },
  ];
  const supervisor = { inquiries: { list: async () => lists } };
  const { body } = await answerSessions(
    { supervisor } as unknown as Parameters<typeof answerSessions>[0],
    new URLSearchParams("limit=2"),
  );
  const { sessions, count, silent_workers } = body as SessionsAnswer;
  assert.deepEqual(
    sessions.map(({ id, worker }) => [id, worker]),
    [
      ["a", 1],
      ["c", 3],
    ],
  );
  assert.deepEqual([count, silent_workers], [8, [2]]);
});
