import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Step } from "../../../../../src/data/guard/step.ts";
import { ForwardJudge } from "../../../../../src/data/serve/http/ask/forward-auth.ts";
import type { RequestView } from "../../../../../src/data/serve/http/view.ts";
import { loadWire } from "../../../../../src/lib/wire.ts";
import type { ForwardAuth } from "../../../../../src/model/http/guard.ts";
import type { FakeSocket } from "../../../../support/fake-socket.ts";
import { FakeBackend, HttpScene, writtenTo } from "../../../../support/http-scene.ts";

const toml = (auth = ""): string => `[routes.guarded]
path_prefix = "/guarded"
pool = "app"
auth = ["sso"]
[routes.admin]
path_prefix = "/"
headers = { remote-user = "admin" }
respond = { body = "for admins" }
[routes.open]
path_prefix = "/"
pool = "app"
hash = ["header:remote-user"]
request_headers = { set = { x-said = "\${request.header.remote-user}" } }
[auth.sso]
type = "forward"
pool = "app"
path = "/verify"
copy = ["remote-user", "remote-groups"]
copy_response = ["set-cookie"]
${auth}
`;
const scenes = { refuse: await HttpScene.of(toml()), pass: await HttpScene.of(toml('on_failure = "pass"')) };

const get = (path: string, more = ""): Buffer =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`);
const answer = (status: number, more = "", body = ""): string =>
  `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

interface Begun {
  readonly at: HttpScene;
  readonly client: FakeSocket;
  readonly server: FakeBackend;
}

/** A guarded request whose question is at the server. */
function begin(onFailure: keyof typeof scenes = "refuse", request = get("/guarded/x?y=1")): Begun {
  const at = scenes[onFailure].again({ backends: 1 });
  const client = at.accept();
  client.receive(request);
  return { at, client, server: at.backend() };
}

const lineOf = ({ at }: Begun) => at.requests[0]!;

test("the server is told what is asked for and what the client sent, and nothing of a body", () => {
  const head =
    "Authorization: Bearer x\r\nCookie: a=b\r\nRemote-User: admin\r\nX-Forwarded-Uri: /open\r\nX-Original-URL: http://a.test/open\r\nX-Original-URI: /open\r\nX-Auth-Request-Redirect: /open\r\nRange: bytes=0-1\r\n";
  const request = `POST /guarded/%41?y=1 HTTP/1.1\r\nHost: a.test:80\r\n${head}Content-Type: text/x\r\nContent-Length: 3\r\n\r\nabc`;
  const { at, server } = begin("refuse", Buffer.from(request));
  assert.match(server.got, /^GET \/verify HTTP\/1\.1\r\nhost: a\.test:80\r\n/);
  for (const line of [
    "x-forwarded-method: POST",
    "x-forwarded-uri: /guarded/A?y=1",
    "x-forwarded-proto: http",
    "x-forwarded-host: a.test:80",
    "x-forwarded-for: 192.0.2.1",
    "x-original-method: POST",
    "x-original-url: http://a.test:80/guarded/A?y=1",
    "Authorization: Bearer x",
    "Cookie: a=b",
  ])
    assert.ok(server.got.includes(`\r\n${line}\r\n`), line);
  assert.doesNotMatch(server.got, /remote-user|content-|range|abc|\/open/i);
  at.finish();
});

test("a request without a host has no URL that the server could read its path as a host in", () => {
  const { at, server } = begin("refuse", Buffer.from("GET /guarded/x HTTP/1.0\r\n\r\n"));
  assert.match(server.got, /\r\nx-original-method: GET\r\n/);
  assert.doesNotMatch(server.got, /x-original-url|x-forwarded-host/);
  at.finish();
});

test("2xx lets in: the backend gets the fields that are copied, the client its own, and the connection is used again", () => {
  const begun = begin();
  const { at, client, server } = begun;
  server.send(
    answer(
      204,
      "Remote-User: alice\r\nRemote-Groups: a\r\nremote-groups: b\r\nX-Other: 1\r\nSet-Cookie: s=1\r\n",
    ),
  );
  assert.equal(at.plane.dialled.length, 1, "the connection was not used again");
  const [, sent = ""] = server.got.split("GET /guarded/x?y=1");
  assert.match(sent, /\r\nremote-user: alice\r\nremote-groups: a\r\nremote-groups: b\r\n/);
  assert.doesNotMatch(sent, /x-other|set-cookie/i);
  server.send(answer(200, "", "ok"));
  assert.match(writtenTo(client), /^HTTP\/1\.1 200 X\r\n.*\r\nset-cookie: s=1\r\n/s);
  assert.equal(lineOf(begun).reason, "served");
  at.finish();
});

for (const [status, more, body] of [
  [401, "WWW-Authenticate: Basic\r\n", "who?"],
  [403, "", "no"],
  [302, "Location: https://sso.test/login\r\nSet-Cookie: state=1\r\nConnection: x-hop\r\nX-Hop: 1\r\n", ""],
] as const)
  test(`an answer with ${status} goes to the client, with its fields and its body`, () => {
    const begun = begin();
    const { at, client, server } = begun;
    server.send(answer(status, more, body));
    const text = writtenTo(client);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    for (const line of more.split("\r\n").filter((each) => each !== "" && !/hop/i.test(each)))
      assert.ok(text.includes(`\r\n${line}\r\n`), line);
    assert.doesNotMatch(text, /x-hop/i);
    assert.ok(text.endsWith(`\r\n\r\n${body}`));
    assert.deepEqual(
      [lineOf(begun).reason, lineOf(begun).detail],
      ["auth_denied", `auth.sso: it answers with status ${status}`],
    );
    at.finish();
  });

describe("where nobody can be asked", () => {
  const failures: Readonly<Record<string, (begun: Begun) => void>> = {
    "the server fails": ({ server }) => void server.send(answer(500)),
    "the server says that nothing has changed": ({ server }) => void server.send("HTTP/1.1 304 X\r\n\r\n"),
    "the server resets": ({ server }) => server.socket.fail("ECONNRESET"),
    "the server ends too soon": ({ server }) => {
      server.send("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nab");
      server.end();
    },
    "the answer breaks the rules": ({ server }) => void server.send("HTP/1.1 200\r\n\r\n"),
    "the server takes its time": ({ at }) => at.sweep(5_100),
    "the server is drained": ({ at }) => {
      for (const open of at.plane.open) open.vacate(0);
    },
  };
  for (const [what, fail] of Object.entries(failures)) {
    test(`because ${what}, the request is refused`, () => {
      const begun = begin();
      fail(begun);
      assert.match(writtenTo(begun.client), /^HTTP\/1\.1 503 /);
      assert.equal(lineOf(begun).reason, "auth_unavailable");
      begun.at.finish();
    });
    test(`because ${what}, it goes on without the fields, where it may`, () => {
      const begun = begin("pass", get("/guarded", "Remote-User: admin\r\n"));
      fail(begun);
      const backend = begun.at.backend();
      assert.match(backend.got, /GET \/guarded HTTP/);
      assert.doesNotMatch(backend.got, /remote-user/i);
      backend.send(answer(200));
      assert.equal(lineOf(begun).reason, "served");
      begun.at.finish();
    });
  }

  const cuts: Readonly<Record<string, (begun: Begun) => void>> = {
    ends: ({ server }) => server.end(),
    "is reset": ({ server }) => server.socket.fail("ECONNRESET"),
    "comes no further": ({ at }) => at.sweep(5_100),
    "is drained": ({ at }) => {
      for (const open of at.plane.open) open.vacate(0);
    },
  };
  for (const [what, cut] of Object.entries(cuts))
    test(`a refusal whose body ${what} stays one, where a failure would let in`, () => {
      const begun = begin("pass");
      const { at, client, server } = begun;
      server.send("HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\nab");
      cut(begun);
      assert.match(writtenTo(client), /^HTTP\/1\.1 403 Forbidden\r\n.*auth_denied/s);
      assert.equal(lineOf(begun).reason, "auth_denied");
      assert.equal(at.plane.dialled.length, 1, "it went on to a backend");
      at.finish();
    });

  test("nothing is connected, it is refused", () => {
    const at = scenes.refuse.again({ backends: 1 });
    const client = at.accept();
    client.receive(get("/guarded"));
    at.plane.dialled[0]!.fail("ECONNREFUSED");
    assert.match(writtenTo(client), /^HTTP\/1\.1 503 /);
    assert.equal(at.requests[0]!.detail, "auth.sso: connect_failed");
    at.finish();
  });
});

test("a client that goes takes the question back, in every phase", () => {
  for (const phase of ["dial", "sent", "answered"]) {
    const at = scenes.refuse.again();
    const client = at.accept();
    client.receive(get("/guarded"));
    if (phase !== "dial") at.backend();
    if (phase === "answered")
      new FakeBackend(at.plane.dialled[0]!).send("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nab");
    client.fail("ECONNRESET");
    client.close();
    assert.ok(at.plane.dialled[0]!.destroyed, phase);
    assert.equal(at.requests[0]!.reason, "client_reset");
    at.finish();
  }
});

test("an idle connection that ends as the question is sent is no failure", () => {
  const { at, client, server } = begin("refuse", get("/guarded/1"));
  server.send(answer(200));
  server.send(answer(200));
  client.receive(get("/guarded/2"));
  server.socket.fail("ECONNRESET");
  const other = at.backend();
  assert.match(other.got, /^GET \/verify /);
  other.send(answer(403, "", "no"));
  assert.match(writtenTo(client), /200 .*403 /s);
  at.finish();
});

test("more of a body than goes on to a client is left out", () => {
  for (const [status, expected] of [
    [200, /^HTTP\/1\.1 200 /],
    [403, /^HTTP\/1\.1 403 Forbidden\r\n.*auth_denied/s],
  ] as const) {
    const { at, client, server } = begin();
    server.send(`HTTP/1.1 ${status} X\r\nContent-Length: 100000\r\n\r\n`);
    for (let sent = 0; sent < 3 && !server.socket.destroyed; sent++) server.send("x".repeat(30_000));
    assert.ok(server.socket.destroyed, "it is read on");
    if (status === 200) at.backend().send(answer(200));
    assert.match(writtenTo(client), expected);
    at.finish();
  }
});

test("what a client sends in the place of an auth is not there, on every route of the listener", () => {
  for (const name of ["Remote-User", "REMOTE-USER", "remote-user", "Remote.User", "Remote-Groups"]) {
    const at = scenes.refuse.again();
    const client = at.accept();
    client.receive(get("/other", `${name}: admin\r\nX-A: 1\r\n${name}: root\r\n`));
    const backend = at.backend();
    assert.match(backend.got, /^GET \/other HTTP.*\r\nX-A: 1\r\n/s);
    assert.doesNotMatch(backend.got, /admin|root/);
    backend.send(answer(200));
    at.finish();
  }
});

test("a call that fails behind its message lets nobody in", async () => {
  await loadWire();
  const auth: ForwardAuth = {
    kind: "forward",
    name: "auth.sso",
    pool: "app",
    path: "/",
    asks: "grpc",
    copy: [],
    copyResponse: [],
    timeout: 5_000,
    onFailure: "refuse",
  };
  for (const [trailers, reason] of [
    ["", "served"],
    ["grpc-status: 0\r\n", "served"],
    ["grpc-status: 13\r\n", "auth_unavailable"],
  ] as const) {
    const step: Step = {
      name: auth.name,
      judge: (request, waiter) => new ForwardJudge(auth, at.plane).judge(request as RequestView, waiter),
      count() {},
    };
    const at = scenes.refuse.again({ backends: 1, guards: { stepsOf: () => [[step]] } });
    at.accept().receive(get("/guarded"));
    const server = at.backend();
    server.send(
      `HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n0\r\n${trailers}\r\n`,
    );
    if (reason === "served") server.send(answer(200));
    assert.equal(at.requests[0]!.reason, reason, trailers);
    at.finish();
  }
});
