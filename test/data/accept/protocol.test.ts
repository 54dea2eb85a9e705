import assert from "node:assert/strict";
import { test } from "node:test";
import { detectProtocol } from "../../../src/data/accept/protocol.ts";

const cases = [
  ["tls", "\x16\x03\x01"],
  ["http1", "GET / HTTP/1.1\r\n"],
  ["http1", "OPTIONS * HTTP/1.1\r\n"],
  ["http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["other", "PRIVMSG #umay :hello\r\n"],
  ["other", "\x16\x02"],
  ["other", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["other", "GETAWAY\r\n"],
] as const;

test("the first bytes tell the protocol, and never too early", () => {
  for (const [protocol, text] of cases) {
    const bytes = Buffer.from(text, "latin1");
    assert.equal(detectProtocol(bytes), protocol, text);
    // The verdict about a part is the verdict about the whole, or none yet.
    for (let length = 0; length < bytes.length; length++)
      assert.ok(
        [undefined, protocol].includes(detectProtocol(bytes.subarray(0, length))),
        text.slice(0, length),
      );
  }
});
