import assert from "node:assert/strict";
import { test } from "node:test";
import { createWebSocketKey, webSocketAccept } from "../../src/http/websocket.ts";

test("the example of RFC 6455 section 1.3", () => {
  assert.equal(webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("keys are 16 bytes in base64, each another one", () => {
  const keys = Array.from({ length: 10 }, createWebSocketKey);
  for (const key of keys) assert.equal(Buffer.from(key, "base64").length, 16);
  assert.equal(new Set(keys).size, keys.length);
});
