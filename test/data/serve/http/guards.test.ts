import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { GuardResult } from "../../../../src/channel/counters.ts";
import type { Steps } from "../../../../src/data/guard/passage.ts";
import {
  pass,
  type Refusal,
  type Step,
  type Verdict,
  type Waiter,
  type Waiting,
} from "../../../../src/data/guard/step.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

/** A guard that knows at once, or is told later. */
class FakeGuard implements Step {
  readonly name: string;
  readonly answers: (Verdict | "later")[];
  readonly results: GuardResult[] = [];
  withdrawn = 0;
  asked = 0;
  readonly waiters = new Set<Waiter>();

  constructor(name: string, ...answers: (Verdict | "later")[]) {
    this.name = name;
    this.answers = answers;
  }

  judge(_request: unknown, waiter: Waiter): Verdict | Waiting {
    const answer = this.answers[this.asked++ % this.answers.length]!;
    if (answer !== "later") return answer;
    this.waiters.add(waiter);
    return {
      kind: "wait",
      endIfOverdue: () => {},
      withdraw: () => {
        this.withdrawn++;
        this.waiters.delete(waiter);
      },
    };
  }

  count(result: GuardResult): void {
    this.results.push(result);
  }

  settle(verdict: Verdict): void {
    const [waiter] = this.waiters;
    this.waiters.delete(waiter!);
    waiter!.settle(verdict);
  }
}

const required: Refusal = {
  kind: "refuse",
  reason: "auth_required",
  detail: "no password of alice",
  lines: 'www-authenticate: Basic realm="staff"\r\n',
};
const denied: Refusal = { kind: "refuse", reason: "auth_denied", detail: "not of the staff" };
const unavailable: Refusal = { kind: "refuse", reason: "auth_unavailable", detail: "nobody to ask" };

const guarded = `[routes.guarded]
path_prefix = "/"
pool = "app"
auth = ["fake"]
timeouts = { request = "20s" }
request_headers = { set = { x-user = "\${auth.user}" } }
[auth.fake]
type = "mtls"
`;

/** A scene whose route has these guards; that its configuration names another one makes no difference. */
async function scene(...steps: Steps): Promise<HttpScene> {
  return await HttpScene.of(guarded, { guards: { stepsOf: () => steps } });
}

const get = (path = "/"): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
const post = (length: number, body: string): Buffer =>
  Buffer.from(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\n${body}`);
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const reasons = ({ requests }: HttpScene): string[] => requests.map(({ reason }) => reason);

describe("a guard that knows at once", () => {
  test("lets a request go on in the same turn, and says who the client is", async () => {
    const guard = new FakeGuard("auth.a", { kind: "pass", user: "alice" });
    const at = await scene([guard]);
    const client = at.accept();
    client.receive(get());
    const backend = at.backend();
    assert.match(backend.got, /\r\nx-user: alice\r\n/);
    backend.send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 200 /);
    assert.deepEqual(guard.results, ["passed"]);
    at.finish();
  });

  test("refuses without telling the client why, and the log says it", async () => {
    const at = await scene([new FakeGuard("auth.a", required)]);
    const client = at.accept();
    client.receive(get());
    const text = writtenTo(client);
    assert.match(text, /^HTTP\/1\.1 401 Unauthorized\r\n/);
    assert.match(text, /\r\nwww-authenticate: Basic realm="staff"\r\n/);
    assert.doesNotMatch(text, /alice/);
    assert.equal(at.requests[0]!.detail, "auth.a: no password of alice");
    assert.equal(at.plane.dialled.length, 0);
    at.finish();
  });
});

describe("of several guards", () => {
  for (const [what, steps, status, detail] of [
    ["one that lets in is enough", [[denied, pass]], 200, undefined],
    ["those behind it are not asked", [[pass, unavailable]], 200, undefined],
    ["every group has to let in", [[pass], [denied]], 403, "auth.1.0: not of the staff"],
    [
      "that could not be asked counts most",
      [[required, unavailable, denied]],
      503,
      /no password.*nobody.*staff/,
    ],
    [
      "one that wants to know more counts before one that has refused",
      [[denied, required]],
      401,
      /staff.*alice/,
    ],
    [
      "a refusal of an earlier group is forgotten where another of it lets in",
      [[required, pass], [denied]],
      403,
      /^auth\.1\.0/,
    ],
  ] as const)
    test(what, async () => {
      const guards = steps.map((group, index) =>
        group.map((verdict, member) => new FakeGuard(`auth.${index}.${member}`, verdict)),
      );
      const at = await scene(...guards);
      const client = at.accept();
      client.receive(get());
      if (status === 200) at.backend().send(ok);
      assert.match(writtenTo(client), new RegExp(`^HTTP/1\\.1 ${status} `));
      const said = at.requests[0]!.detail;
      if (detail instanceof RegExp) assert.match(said!, detail);
      else assert.equal(said, detail);
      assert.equal(/www-authenticate/.test(writtenTo(client)), status === 401);
      at.finish();
    });
});

describe("while a guard waits", () => {
  test("the body is held within bounds, and goes on behind the head", async () => {
    const guard = new FakeGuard("auth.a", "later");
    const at = await scene([guard]);
    const client = at.accept();
    client.receive(post(10, "12345"));
    assert.ok(client.isPaused(), "the client is read on");
    assert.equal(at.plane.dialled.length, 0);
    guard.settle(pass);
    const backend = at.backend();
    client.receive(Buffer.from("67890"));
    assert.match(backend.got, /\r\n\r\n1234567890$/);
    backend.send(ok);
    assert.deepEqual(reasons(at), ["served"]);
    at.finish();
  });

  test("a client that goes takes its question back", async () => {
    const guard = new FakeGuard("auth.a", "later");
    const at = await scene([guard]);
    const client = at.accept();
    client.receive(get());
    client.fail("ECONNRESET");
    client.close();
    assert.equal(guard.withdrawn, 1);
    assert.deepEqual(reasons(at), ["client_reset"]);
    assert.deepEqual(guard.results, []);
    at.finish();
  });

  test("the time for the whole request goes on", async () => {
    const guard = new FakeGuard("auth.a", "later");
    const at = await scene([guard]);
    const client = at.accept();
    client.receive(get());
    at.sweep(19_000);
    assert.deepEqual(reasons(at), []);
    at.sweep(21_000);
    assert.deepEqual(reasons(at), ["auth_unavailable"]);
    assert.equal(guard.withdrawn, 1);
    assert.match(writtenTo(client), /^HTTP\/1\.1 503 /);
    at.finish();
  });

  test("a drain lets it finish, and its deadline cuts it", async () => {
    const guard = new FakeGuard("auth.a", "later");
    const at = await scene([guard]);
    const [one, other] = [at.accept(), at.accept()];
    one.receive(get());
    other.receive(get());
    Object.assign(at.plane, { isDraining: true });
    at.sweep(100);
    guard.settle(denied);
    assert.match(writtenTo(one), /^HTTP\/1\.1 403 .*\r\nconnection: close\r\n/s);
    for (const open of at.plane.open) open.end("drain_deadline");
    assert.deepEqual(reasons(at), ["auth_denied", "drain_deadline"]);
    assert.equal(guard.withdrawn, 1);
    at.finish();
  });

  test("requests that were pipelined behind it wait for their turn", async () => {
    const guard = new FakeGuard("auth.a", "later", pass);
    const at = await scene([guard]);
    const client = at.accept();
    client.receive(Buffer.concat([get("/1"), get("/2")]));
    assert.equal(guard.asked, 1);
    guard.settle(denied);
    at.backend().send(ok);
    assert.match(writtenTo(client), /^HTTP\/1\.1 403 .*HTTP\/1\.1 200 /s);
    at.finish();
  });
});

const event = fc.record({
  what: fc.constantFrom(
    "request",
    "request",
    "body",
    "body",
    "pass",
    "pass",
    "refuse",
    "fail",
    "connect",
    "answer",
    "reset",
    "end",
    "tick",
    "late",
    "vacate",
    "cut",
  ),
  which: fc.nat(2),
});

/** Does one thing that may happen, where it can. */
function happen(
  at: HttpScene,
  guard: FakeGuard,
  clients: readonly FakeSocket[],
  { what, which }: { what: string; which: number },
): void {
  const client = clients[which]!;
  const waits = guard.waiters.size > 0;
  switch (what) {
    case "request":
      if (!client.isPaused()) client.receive(which === 0 ? get() : post(6, "abc"));
      break;
    case "body":
      if (!client.isPaused()) client.receive(Buffer.from("abc"));
      break;
    case "pass":
      if (waits) guard.settle(pass);
      break;
    case "refuse":
      if (waits) guard.settle(required);
      break;
    case "fail":
      if (waits) guard.settle(unavailable);
      break;
    case "connect":
      for (const socket of at.plane.dialled)
        if (socket.connecting && !socket.destroyed) socket.connect("connect");
      break;
    case "reset":
      client.fail("ECONNRESET");
      client.close();
      break;
    case "end":
      client.receiveEnd();
      break;
    case "tick":
    case "late":
      at.sweep(what === "tick" ? 100 : 25_000);
      break;
    case "vacate":
      for (const open of at.plane.open) open.vacate(which);
      break;
    case "cut":
      for (const open of at.plane.open) open.end("stopped");
  }
}

test("whatever happens in whatever order, each request ends once, and each question is answered or taken back", async () => {
  const fresh = await scene([]);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const guard = new FakeGuard("auth.a", "later", pass, "later", required);
      const at = fresh.again({ guards: { stepsOf: () => [[guard]] } });
      const clients = [at.accept(), at.accept(), at.accept()];
      for (const one of events) happen(at, guard, clients, one);
      for (const open of at.plane.open) open.end("stopped");
      assert.equal(guard.waiters.size, 0, "a question is left");
      const requests = at.requests.length;
      assert.ok(guard.asked <= requests, `${guard.asked} questions, ${requests} requests`);
      assert.equal(guard.asked, guard.results.length + guard.withdrawn);
      at.finish();
    }),
    { numRuns: 1_000 },
  );
});
