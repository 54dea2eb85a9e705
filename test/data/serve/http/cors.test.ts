import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const scene = await HttpScene.of(`[routes.api]
path_prefix = "/api"
methods = ["PUT"]
pool = "app"
auth = ["closed"]
cors = { origins = ["https://app.test"], methods = ["PUT"] }
[routes.open]
path_prefix = "/open"
pool = "app"
cors = { origins = ["https://app.test"], expose = ["x-total"] }
response_headers = { set = { x-frame-options = "DENY" } }
[auth.closed]
type = "mtls"
`);

const ask = (at: HttpScene, head: string) => {
  const client = at.accept();
  client.receive(Buffer.from(`${head}\r\nHost: a.test\r\nOrigin: https://app.test\r\n\r\n`));
  return client;
};

test("a preflight is answered by the route of its request, past its methods and its auths", () => {
  const at = scene.again();
  const text = writtenTo(ask(at, "OPTIONS /api HTTP/1.1\r\nAccess-Control-Request-Method: PUT"));
  assert.match(text, /^HTTP\/1\.1 204 No Content\r\n/);
  assert.match(text, /\r\naccess-control-allow-methods: PUT\r\n/);
  assert.equal(text.match(/access-control-allow-origin/g)?.length, 1);
  assert.doesNotMatch(text, /content-length/);
  assert.deepEqual([at.requests[0]!.reason, at.requests[0]!.detail], ["answered", "preflight"]);
  assert.equal(at.plane.dialled.length, 0);
  at.finish();
});

test("a page may read umay's own answers, too", () => {
  const at = scene.again();
  const text = writtenTo(ask(at, "PUT /api HTTP/1.1"));
  assert.match(text, /^HTTP\/1\.1 403 .*\r\naccess-control-allow-origin: https:\/\/app\.test\r\n/s);
  at.finish();
});

for (const method of ["GET", "OPTIONS"])
  test(`what a backend says of CORS is not passed on: ${method}`, () => {
    const at = scene.again();
    const client = ask(at, `${method} /open HTTP/1.1`);
    at.backend().send(
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: accept\r\nContent-Length: 0\r\n\r\n",
    );
    const text = writtenTo(client);
    assert.equal(
      text.match(/access-control-allow-origin: .*/gi)?.join(),
      "access-control-allow-origin: https://app.test",
    );
    assert.match(text, /\r\naccess-control-expose-headers: x-total\r\n/);
    assert.match(text, /\r\nvary: origin\r\n/);
    at.finish();
  });

test("fields that make browsers careful are added where nobody has said anything of them", async () => {
  const at = await HttpScene.of(
    `[routes.open]
path_prefix = "/open"
pool = "app"
response_headers = { set = { x-frame-options = "DENY" } }
`,
    { listener: "security_headers = true" },
  );
  const client = ask(at, "GET /open HTTP/1.1");
  at.backend().send("HTTP/1.1 200 OK\r\nReferrer-Policy: no-referrer\r\nContent-Length: 0\r\n\r\n");
  const text = writtenTo(client);
  assert.match(text, /\r\nx-content-type-options: nosniff\r\n/);
  assert.equal(text.match(/x-frame-options: .*/gi)?.join(), "x-frame-options: DENY");
  assert.equal(text.match(/referrer-policy: .*/gi)?.join(), "Referrer-Policy: no-referrer");
  at.finish();
});
