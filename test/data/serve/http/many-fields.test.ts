import assert from "node:assert/strict";
import { test } from "node:test";
import { mostFields } from "../../../../src/http/span-fields.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `x-many: ${index}\r\n`).join("");
const get = Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
const body = "a".repeat(2_000);
/** As many fields as a head may have, three of them named here. */
const most = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2000\r\nEtag: "a"\r\n${lines(mostFields - 3)}\r\n`;
const guarded = `[routes.all]
path_prefix = "/"
pool = "app"
auth = ["sso"]
[auth.sso]
type = "forward"
pool = "app"
path = "/verify"
`;

/** A client's request at the first who is asked. */
function begin(at: HttpScene) {
  const client = at.accept();
  client.receive(get);
  return { client, backend: at.backend() };
}

test("an answer with as many fields as there may be is compressed, and has some more", async () => {
  const at = await HttpScene.of('[routes.all]\npath_prefix = "/"\npool = "app"\n[routes.all.compress]\n');
  const { client, backend } = begin(at);
  backend.send(most + body);
  const [head = ""] = writtenTo(client).split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n.*x-many: 252\r\n.*\r\nvary: accept-encoding/s);
  at.finish();
});

test("a refusal with as many fields as there may be reaches the client whole", async () => {
  const at = await HttpScene.of(guarded);
  const { client, backend } = begin(at);
  backend.send(`HTTP/1.1 401 X\r\n${lines(mostFields - 1)}Content-Length: 2\r\n\r\nno`);
  assert.match(writtenTo(client), /^HTTP\/1\.1 401 .*x-many: 254\r\n.*\r\n\r\nno$/s);
  assert.equal(at.requests[0]!.reason, "auth_denied");
  at.finish();
});
