import assert from "node:assert/strict";
import { test } from "node:test";
import { listenerCell } from "../../../../src/channel/counters.ts";
import { unknownGrpcStatus } from "../../../../src/model/grpc-status.ts";
import type { FieldChanges } from "../../../../src/model/http/route.ts";
import { fakeListener } from "../../../support/fake-plane.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const get = (version = "1.1"): Buffer => Buffer.from(`GET / HTTP/${version}\r\nHost: a.test\r\n\r\n`);
const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("early hints reach clients of HTTP/1.1 where they are asked for, before the answer and not as part of it", async () => {
  for (const [early, version, passes] of [
    ["all", "1.1", true],
    ["all", "1.0", false],
    ["2", "1.1", false],
    ["off", "1.1", false],
  ] as const) {
    const scene = await HttpScene.of(`[listeners.web.http]\nearly_hints = "${early}"\n`);
    const client = scene.accept();
    client.receive(get(version));
    const backend = scene.backend();
    backend.send(hints);
    assert.equal(writtenTo(client) !== "", passes, `${early} for HTTP/${version}`);
    if (passes) assert.match(writtenTo(client), /^HTTP\/1\.1 103 .*Link: <\/a\.css>; rel=preload\r\n\r\n$/s);
    const before = writtenTo(client).length;
    backend.send(ok);
    const answer = writtenTo(client).slice(before);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok$/s);
    assert.doesNotMatch(answer, /link/i);
    scene.finish();
  }
});

test("each event of a stream leaves with the bytes that it came in, and the head before all of them", async () => {
  const scene = await HttpScene.of();
  const client = scene.accept();
  client.receive(get());
  const backend = scene.backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert.match(writtenTo(client), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s);
  for (let count = 0; count < 3; count++) {
    const before = client.written.length;
    backend.send(`d\r\ndata: event\n\n\r\n`);
    assert.equal(client.written.length, before + 1);
    assert.match(writtenTo(client), /\r\nd\r\ndata: event\n\n\r\n$/);
  }
  backend.send("0\r\n\r\n");
  assert.match(writtenTo(client), /\r\n0\r\n\r\n$/);
  scene.finish();
});

test("what a backend does not get from a client in the head, it does not get in trailers either", async () => {
  const scene = await HttpScene.of(
    `[routes.all]
    path_prefix = "/"
    pool = "app"
    request_headers = { set = { x-user = "guest" }, remove = ["x-secret-*"] }`,
  );
  const client = scene.accept();
  const trailers =
    "X-User: evil\r\nx-secret-a: evil\r\nX-Real-IP: evil\r\nX-Request-Id: evil\r\nX-Sum: 1\r\n";
  const head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.receive(Buffer.from(`${head}1\r\na\r\n0\r\n${trailers}\r\n`));
  const backend = scene.backend();
  client.flow();
  assert.match(backend.got, /\r\nx-user: guest\r\n/);
  assert.match(backend.got, /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  assert.doesNotMatch(backend.got, /evil/);
  backend.send(ok);
  scene.finish();
});

test("a route changes fields behind bodies, on both ways, and sends none where there are none", async () => {
  const changes = (name: string): FieldChanges => ({
    set: { [`x-${name}`]: [{ variable: "request.method" }] },
    add: {},
    remove: ["x-gone"],
    removeMatching: [{ kind: "suffix", value: "-secret", ignoreCase: false }],
  });
  const scene = await HttpScene.of('[routes.all]\npath_prefix = "/"\npool = "app"', {
    route: { requestTrailers: changes("asked"), responseTrailers: changes("answered") },
  });
  for (const [came, asked, answered] of [
    [
      "X-Gone: evil\r\nX-A-Secret: evil\r\nX-Sum: 1\r\n",
      "X-Sum: 1\r\nx-asked: POST\r\n",
      "X-Sum: 1\r\nx-answered: POST\r\n",
    ],
    ["", "", ""],
  ] as const) {
    const client = scene.accept();
    const body = `Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${came}\r\n`;
    client.receive(Buffer.from(`POST / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\n${body}`));
    const backend = scene.backend();
    client.flow();
    assert.ok(backend.got.endsWith(`\r\n0\r\n${asked}\r\n`), backend.got);
    backend.send(`HTTP/1.1 200 OK\r\n${body}`);
    assert.ok(writtenTo(client).endsWith(`\r\n0\r\n${answered}\r\n`), writtenTo(client));
  }
  scene.finish();
});

test("a status of gRPC that is no number is -1 in the line, and counts as one that nobody knows", async () => {
  const scene = await HttpScene.of();
  scene.accept().receive(get());
  scene.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nGrpc-Status: good\r\n\r\n");
  assert.equal((scene.requests[0] as { grpc_status?: number }).grpc_status, -1);
  const counted = fakeListener.counters + listenerCell.grpcStatuses + unknownGrpcStatus;
  assert.equal(scene.plane.counters[counted], 1);
  scene.finish();
});
