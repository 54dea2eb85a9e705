import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";

test("a request that leads to something that can't be had is answered with 500, and asks no backend", async () => {
  const scene = await HttpScene.of("", { pool: { invalid: "there is no Service default/a" } });
  const client = scene.accept();
  client.receive(Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  assert.match(writtenTo(client), /^HTTP\/1\.1 500 .*invalid_backend \(there is no Service default\/a\)/s);
  assert.equal(scene.plane.dialled.length, 0);
});
