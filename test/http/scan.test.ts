import assert from "node:assert/strict";
import { test } from "node:test";
import { mayEndHead, needsMore, scanRequest } from "../../src/http/scan.ts";

const limits = { head: 65_536, fields: 256, target: 8_192, underscores: "drop" } as const;

/** The places of the bytes behind which a head is read that comes byte by byte. */
function readBehind(text: string): number[] {
  const bytes = Buffer.from(text, "latin1");
  const places = Array.from({ length: bytes.length }, (_, at) => at);
  return places.filter((at) => mayEndHead(bytes, 0, at, at + 1));
}

test("of a head that comes byte by byte, only the last one has it read", () => {
  const head = `GET /a HTTP/1.1\r\nHost: a\r\n${"X-Field: value\r\n".repeat(200)}\r\n`;
  assert.deepEqual(readBehind(head), [head.length - 1]);
  const bytes = Buffer.from(head, "latin1");
  assert.equal(scanRequest(bytes, 0, bytes.length - 1, limits), needsMore);
});

test("a line feed that no carriage return precedes has it read at once", () => {
  for (const text of ["GET / HTTP/1.1\nHost: a", "GET / HTTP/1.1\r\nHost: a\n", "\n"])
    assert.deepEqual(readBehind(text), [text.lastIndexOf("\n")]);
});
