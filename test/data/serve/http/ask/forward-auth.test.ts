import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Step } from "../../../../../src/data/guard/step.ts";
import { ForwardJudge } from "../../../../../src/data/serve/http/ask/forward-auth.ts";
import type { RequestView } from "../../../../../src/data/serve/http/view.ts";
import { loadWire } from "../../../../../src/lib/wire.ts";
import type { ForwardAuth } from "../../../../../src/model/http/guard.ts";
import type { FakeSocket } from "../../../../support/fake-socket.ts";
import { FakeBackend, HttpScene, writtenTo } from "../../../../support/http-scene.ts";
import { blocks } from "../../../../support/processor.ts";

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

/** A server that is asked as Envoy's is. */
const asked = (more: Partial<ForwardAuth> = {}): ForwardAuth => ({
  kind: "forward",
  name: "auth.sso",
  pool: "app",
  path: "",
  asks: "same",
  copy: [],
  copyResponse: [],
  timeout: 5_000,
  onFailure: "refuse",
  ...more,
});

function sceneOf(auth: ForwardAuth): HttpScene {
  const step: Step = {
    name: auth.name,
    judge: (request, waiter) => judge.judge(request as RequestView, waiter),
    count() {},
  };
  const at = scenes.refuse.again({ backends: 1, guards: { stepsOf: () => [[step]] } });
  const judge = new ForwardJudge(auth, at.plane);
  return at;
}

await loadWire();

test("a call that fails behind its message lets nobody in", () => {
  for (const [trailers, reason] of [
    ["", "served"],
    ["grpc-status: 0\r\n", "served"],
    ["grpc-status: 13\r\n", "auth_unavailable"],
    ["grpc-status: ok\r\n", "auth_unavailable"],
  ] as const) {
    const at = sceneOf(asked({ path: "/", asks: "grpc" }));
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

describe("a server that is asked with the body", () => {
  const most = (limit: number, mayBePart = false): ForwardAuth =>
    asked({ body: { most: limit, mayBePart, asBytes: false } });
  const post = (more: string): Buffer =>
    Buffer.from(`POST /guarded HTTP/1.1\r\nHost: a.test\r\nContent-Type: text/x\r\n${more}`);
  const chunked = (...parts: readonly string[]): readonly Buffer[] => [
    post("Transfer-Encoding: chunked\r\n\r\n"),
    ...parts.map((part) => Buffer.from(`${part.length.toString(16)}\r\n${part}\r\n`)),
  ];
  const sized = (...parts: readonly string[]): readonly Buffer[] => [
    post(`Content-Length: ${parts.join("").length}\r\n\r\n`),
    ...parts.map((part) => Buffer.from(part)),
  ];
  const end = Buffer.from("0\r\n\r\n");

  for (const [what, auth, sent, told, later] of [
    ["gets it as a whole", most(5), sized("ab", "cde"), "false abcde", []],
    ["gets it as a whole, however it comes", most(5), [...chunked("ab", "cde"), end], "false abcde", []],
    [
      "gets its begin, where that may be",
      most(3, true),
      chunked("ab", "cde"),
      "true abc",
      [...chunked("fg").slice(1), end],
    ],
  ] as const)
    test(`${what}, and the backend gets all of it`, () => {
      const at = sceneOf(auth);
      const client = at.accept();
      for (const part of sent.slice(0, -1)) client.receive(part);
      assert.equal(at.plane.dialled.length, 0, "it was asked too soon");
      client.receive(sent.at(-1)!);
      const server = at.backend();
      assert.match(server.got, /^POST \/guarded HTTP.*\r\ncontent-type: text\/x\r\n/is);
      assert.match(server.got, new RegExp(`\r\ncontent-length: ${told.split(" ")[1]!.length}\r\n`, "i"));
      const [isPart, body] = told.split(" ");
      assert.match(
        server.got,
        new RegExp(`\r\nx-envoy-auth-partial-body: ${isPart}\r\n.*\r\n\r\n${body}$`, "s"),
      );
      for (const part of later) client.receive(part);
      server.send(answer(200));
      const backend = at.backend();
      client.flow();
      const content = backend.got.slice(backend.got.indexOf("\r\n\r\n")).replaceAll(/[^a-g]/g, "");
      assert.equal(content, later.length > 0 ? "abcdefg" : "abcde");
      backend.send(answer(200, "", "ok"));
      assert.equal(at.requests[0]!.reason, "served");
      at.finish();
    });

  test("is not asked with one that is too long", () => {
    for (const parts of [sized("abcd"), chunked("ab", "cd")]) {
      const at = sceneOf(most(3));
      const client = at.accept();
      for (const part of parts) client.receive(part);
      assert.match(writtenTo(client), /^HTTP\/1\.1 413 /);
      assert.deepEqual([at.requests[0]!.reason, at.plane.dialled.length], ["body_too_large", 0]);
      at.finish();
    }
  });

  test("waits for a slow client, whose own times count, and a client that waits for a word gets that", () => {
    const at = sceneOf(most(5));
    const client = at.accept();
    client.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert.match(writtenTo(client), /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    at.sweep(20_000);
    client.receive(Buffer.from("ab"));
    const server = at.backend();
    assert.doesNotMatch(server.got, /expect/i);
    server.send(answer(200));
    const backend = at.backend();
    assert.match(backend.got, /^POST \/guarded.*\r\n\r\nab$/s);
    assert.doesNotMatch(backend.got, /expect/i);
    backend.send(answer(200));
    assert.equal(at.requests[0]!.reason, "served");
    at.finish();
  });

  test("is forgotten by a client that goes, before it is asked and after", () => {
    for (const sent of [chunked("ab"), sized("ab")]) {
      const at = sceneOf(most(5));
      const client = at.accept();
      for (const part of sent) client.receive(part);
      client.fail("ECONNRESET");
      client.close();
      assert.equal(at.requests[0]!.reason, "client_reset");
      at.finish();
    }
  });

  test("gets it in a call as a text, or as bytes", () => {
    for (const [asBytes, field, content] of [
      [false, 11, "a\u{fffd}"],
      [true, 12, Buffer.from("a\xff", "latin1")],
    ] as const) {
      const at = sceneOf(asked({ asks: "grpc", body: { most: 9, mayBePart: false, asBytes } }));
      const client = at.accept();
      client.receive(post("Content-Length: 2\r\n\r\n"));
      client.receive(Buffer.from("a\xff", "latin1"));
      const [head, question] = at.backend().got.split("\r\n\r\n");
      assert.match(head!, /^POST \/envoy\.service\.auth\.v3\.Authorization\/Check /);
      const [attributes] = blocks(Buffer.from(question!, "latin1").subarray(5), 1);
      const [request] = blocks(blocks(attributes!, 4)[0]!, 2);
      assert.deepEqual(Buffer.from(blocks(request!, field)[0]!), Buffer.from(content));
      at.finish();
    }
  });
});

test("a server gets the fields that it may, and some of its own", () => {
  const exact = (value: string) => ({ kind: "exact", value, ignoreCase: false }) as const;
  const auth = asked({
    lines: "x-own: 1\r\n",
    sees: {
      only: [exact("authorization"), { kind: "prefix", value: "x-", ignoreCase: false }],
      never: [exact("x-not")],
    },
    passes: {
      replaced: [{ kind: "prefix", value: "x-user", ignoreCase: false }],
      appended: [exact("x-list"), exact("x-none")],
      client: [exact("x-seen")],
      refused: [exact("x-why")],
    },
  });
  const at = sceneOf(auth);
  const client = at.accept();
  const request = get(
    "/guarded",
    "Authorization: a\r\nCookie: c\r\nX-A: 1\r\nX-Not: 1\r\nX-Own: 0\r\nX-User-Id: 0\r\nX-List: 1\r\n",
  );
  client.receive(request);
  const server = at.backend();
  for (const line of ["Authorization: a", "X-A: 1", "x-own: 1"])
    assert.ok(server.got.includes(`\r\n${line}\r\n`), line);
  assert.doesNotMatch(server.got, /cookie|x-not|X-Own: 0/);
  server.send(answer(200, "X-User-Id: 7\r\nX-List: 2\r\nX-None: 3\r\nX-Seen: 4\r\nX-Hidden: 5\r\n"));
  const forwarded = server.got.slice(server.got.lastIndexOf("GET /guarded"));
  for (const line of ["Cookie: c", "x-user-id: 7", "X-List: 1", "x-list: 2", "x-none: 3"])
    assert.ok(forwarded.includes(`\r\n${line}\r\n`), line);
  assert.doesNotMatch(forwarded, /X-User-Id: 0|x-seen|x-hidden/i);
  server.send(answer(200));
  assert.match(writtenTo(client), /\r\nx-seen: 4\r\n/);
  client.receive(request);
  server.send(answer(403, "X-Why: 1\r\nX-Other: 2\r\n", "no"));
  assert.match(writtenTo(client), /403 Forbidden\r\n.*x-why: 1\r\n/is);
  assert.doesNotMatch(writtenTo(client), /x-other/i);
  at.finish();
});

test("backends learn of requests that pass unasked, where that is wanted, and not from clients", () => {
  const at = sceneOf(asked({ onFailure: "pass", marksFailure: true }));
  at.accept().receive(get("/guarded", "x-envoy-auth-failure-mode-allowed: no\r\n"));
  at.backend().send(answer(500));
  const server = at.plane.dialled.at(-1)!;
  assert.match(
    writtenTo(server),
    /GET \/guarded.*GET \/guarded.*\r\nx-envoy-auth-failure-mode-allowed: true\r\n/s,
  );
  new FakeBackend(server).send(answer(200));
  at.finish();
});

test("a part of the requests that the server is not asked about passes, or is refused as the guard says", () => {
  for (const [others, failureStatus, expected] of [
    ["pass", undefined, "served 200"],
    ["refuse", undefined, "auth_denied 403"],
    ["refuse", 423, "auth_denied 423"],
  ] as const) {
    const at = sceneOf(asked({ share: { percent: 0, others }, ...(failureStatus && { failureStatus }) }));
    at.accept().receive(get("/guarded"));
    if (others === "pass") at.backend().send(answer(200));
    const { reason, status, detail = "" } = at.requests[0]!;
    assert.equal(`${reason} ${status}`, expected);
    assert.equal(/is not asked/.test(detail), others === "refuse");
    at.finish();
  }
  const at = sceneOf(asked({ path: "/ask", share: { percent: 100, others: "refuse" } }));
  at.accept().receive(get("/guarded"));
  assert.match(at.backend().got, /^GET \/ask\/guarded /);
  at.finish();
});
