import assert from "node:assert/strict";
import { test } from "node:test";
import { InheritedSockets } from "../../src/lib/inherited-sockets.ts";

const env = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "web:mail:not counted" };

test("descriptors begin with 3 and have the names in their order", () => {
  const sockets = new InheritedSockets(env, 7);
  assert.equal(sockets.take("mail"), 4);
  assert.equal(sockets.take("web"), 3);
  assert.equal(sockets.has("not counted"), false);
});

test("each is taken once, since its number may be another file's later", () => {
  const sockets = new InheritedSockets(env, 7);
  assert.equal(sockets.has("web"), true);
  sockets.take("web");
  assert.equal(sockets.has("web"), false);
  assert.equal(sockets.take("web"), undefined);
});

test("sockets that are meant for another process are left alone", () => {
  assert.equal(new InheritedSockets(env, 8).has("web"), false);
  assert.equal(new InheritedSockets({}, 8).has("web"), false);
});
