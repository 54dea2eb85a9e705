import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BeginReader, type HelloListener, HelloReader } from "../../../src/data/accept/hello.ts";
import { describePlain, isNews } from "../../../src/data/accept/plain-protocols.ts";
import { request, sslRequest, startupMessage } from "../../../src/tls/postgres.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** How clients begin, by what is said of them. */
const beginnings: Readonly<Record<string, readonly (Buffer | string)[]>> = {
  "PostgreSQL without TLS; set tls.starttls": [sslRequest, startupMessage("umay"), request(80_877_104)],
  "LDAP without TLS; .* 636$": [
    // ldapsearch -ZZ: ExtendedRequest 1.3.6.1.4.1.1466.20037; a BindRequest, also with a long length.
    hex("30 1d 02 01 01 77 18 80 16 31 2e 33 2e 36 2e 31 2e 34 2e 31 2e 31 34 36 36 2e 32 30 30 33 37"),
    hex("30 0c 02 01 01 60 07 02 01 03 04 00 80 00"),
    hex("30 84 00 00 00 10 02 01 05 60 84 00 00 00 07 02 01 03 04 00 80 00"),
  ],
  "XMPP without TLS; .* 5223$": ["<?xml version='1.0'?><stream:stream to='a'", "<stream:stream xmlns="],
  "SMTP without TLS; .* 465$": ["EHLO mail.test\r\n", "helo a\r\n"],
  "IMAP without TLS; .* 993$": ["a001 CAPABILITY\r\n", ". starttls\r\n", "* CAPABILITY IMAP4rev1\r\n"],
  "FTP without TLS; .* 990$": ["AUTH TLS\r\n"],
  "POP3 without TLS; .* 995$": ["CAPA\r\n", "STLS\r\n"],
  "POP3 or FTP without TLS": ["USER alice\r\n"],
  "a PROXY protocol header without TLS; set proxy_protocol": [
    "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n",
    hex("0d0a0d0a000d0a515549540a 2111 000c"),
  ],
  "MQTT without TLS": [hex("10 10 00 04 4d 51 54 54 04 02 00 3c 00 04 61 62 63 64")],
  "AMQP without TLS": ["AMQP\0\0\x09\x01"],
  "Redis without TLS": ["*1\r\n$4\r\nPING\r\n"],
  "SSH without TLS": ["SSH-2.0-OpenSSH_9.2\r\n"],
  "RDP without TLS": [hex("03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 0b 00 00 00")],
  "SQL Server \\(TDS\\) without TLS": [hex("12 01 00 2f 00 00 01 00")],
  "HTTP/2 without TLS": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
};

/** The readings of a client that sends this in pieces, by a listener that reads hellos and by one that does not. */
function readings(bytes: Buffer, piece: number): readonly string[] {
  return [HelloReader, BeginReader].map((Reader) => {
    const said: string[] = [];
    const listener: HelloListener = {
      greeted: () => void said.push("greeted"),
      handshakeFailed: (_, detail) => void said.push(detail),
      spokePlain: (description) => void said.push(description),
    };
    const reader = new Reader(listener, "tls");
    for (let end = piece; said.length === 0; end += piece) {
      if (reader.read(bytes.subarray(0, end)) !== undefined) reader.done();
      if (end >= bytes.length) break;
    }
    return said.join() || "nothing";
  });
}

describe("a client that speaks without TLS is told by what it begins with", () => {
  for (const [expected, clients] of Object.entries(beginnings))
    test(expected, () => {
      for (const client of clients) {
        const bytes = Buffer.from(client as string, "latin1");
        assert.match(String(describePlain(bytes)), new RegExp(`^${expected}`));
        const said = readings(bytes, bytes.length);
        assert.deepEqual(said, [describePlain(bytes), describePlain(bytes)]);
      }
    });
});

test("a request of HTTP is one, in whatever pieces it comes", () => {
  const bytes = Buffer.from("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const piece of [1, 2, 4, bytes.length])
    assert.deepEqual(readings(bytes, piece), ["http request", "http request"]);
});

test("whatever comes, every client is refused or left to TLS within 24 bytes, and both kinds of listener agree", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 24, maxLength: 80 }),
      fc.integer({ min: 1, max: 80 }),
      (array, piece) => {
        const bytes = Buffer.from(array);
        const [read, begun] = readings(bytes, piece);
        assert.notEqual(begun, "nothing");
        if (begun !== "greeted") assert.equal(read, begun);
      },
    ),
  );
});

test("of one protocol the log tells once a minute and listener", () => {
  const [first, second] = ["web", "mail"];
  assert.equal(isNews(first, "SMTP", 0), true);
  assert.equal(isNews(first, "SMTP", 59_999), false);
  assert.equal(isNews(second, "SMTP", 1), true);
  assert.equal(isNews(first, "LDAP", 1), true);
  assert.equal(isNews(first, "SMTP", 60_000), true);
});
