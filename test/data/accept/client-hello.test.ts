import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { before, describe, test } from "node:test";
import { connect } from "node:tls";
import {
  ClientHelloReader,
  type HelloReading,
  largestHello,
  normaliseServerName,
} from "../../../src/data/accept/client-hello.ts";
import { withExtensionTwice } from "../../support/client-hello.ts";

/** The hello that a real client sends. */
async function capture(options: {
  servername?: string;
  ALPNProtocols?: string[];
  maxVersion?: "TLSv1.2";
}): Promise<Buffer> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", ...options }).on("error", () => {});
  const [socket] = await once(server, "connection");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (new ClientHelloReader().read(Buffer.concat(chunks)).kind !== "more") break;
  }
  client.destroy();
  server.close();
  return Buffer.concat(chunks);
}

/** The same handshake bytes in records of at most `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let start = 0; start < body.length; start += size) {
    const part = body.subarray(start, start + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

/** The last bytes of a hello that has its first extension twice begin with its type. */
const firstExtension = (hello: Buffer): number => withExtensionTwice(hello).readUInt16BE(hello.length);

const read = (bytes: Buffer): HelloReading => new ClientHelloReader().read(bytes);

describe("a client hello", () => {
  let modern: Buffer;
  let old: Buffer;
  let nameless: Buffer;
  const expected = { kind: "hello", hello: { serverName: "api.example.com", alpn: ["h2", "http/1.1"] } };

  before(async () => {
    modern = await capture({ servername: "API.Example.com", ALPNProtocols: ["h2", "http/1.1"] });
    old = await capture({
      servername: "API.Example.com",
      ALPNProtocols: ["h2", "http/1.1"],
      maxVersion: "TLSv1.2",
    });
    nameless = await capture({});
  });

  test("tells the server name in lower case and the protocols in order, in TLS 1.3 and 1.2", () => {
    assert.deepEqual(read(modern), expected);
    assert.deepEqual(read(old), expected);
  });

  test("may have neither name nor protocols", () => {
    assert.deepEqual(read(nameless), { kind: "hello", hello: { serverName: "", alpn: [] } });
  });

  test("reads the same however it is cut into segments and records", () => {
    for (const size of [1, 2, 3, 100, 16_384]) assert.deepEqual(read(inRecords(modern, size)), expected);
    const reader = new ClientHelloReader();
    for (let length = 0; length < modern.length; length++)
      assert.deepEqual(reader.read(modern.subarray(0, length)), { kind: "more" });
    assert.deepEqual(reader.read(modern), expected);
  });

  test("leaves bytes that follow it alone", () => {
    assert.deepEqual(read(Buffer.concat([modern, Buffer.from([23, 3, 3, 255, 255])])), expected);
  });

  test("has no extension twice", () => {
    for (const hello of [modern, old, nameless])
      assert.deepEqual(read(withExtensionTwice(hello)), {
        kind: "malformed",
        detail: `extension ${firstExtension(hello)} comes twice`,
        alert: "illegal_parameter",
      });
  });

  for (const [what, bytes] of Object.entries({
    "plain HTTP": Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    "an SSLv2 hello": Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15]),
    "an alert": Buffer.from([21, 3, 3, 0, 2, 2, 40]),
    "another version": Buffer.from([22, 4]),
    "an empty record": Buffer.from([22, 3, 1, 0, 0]),
    "an oversized record": Buffer.from([22, 3, 1, 0x40, 1]),
    "a server hello": Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0]),
    "a hello beyond the bound": Buffer.from([22, 3, 1, 0, 4, 1, 0, (largestHello >> 8) & 255, 1]),
    "another record in the middle": Buffer.from([22, 3, 1, 0, 4, 1, 0, 1, 0, 23]),
  }))
    test(`is not ${what}`, () => assert.equal(read(bytes).kind, "malformed"));
});

test("a server name is a DNS name in lower case, or none", () => {
  for (const [given, name] of [
    ["Example.COM.", "example.com"],
    ["a_b.example", "a_b.example"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["10.0.0.1", ""],
    ["::1", ""],
    ["a\0b.example", ""],
    ["a..b", ""],
    [".", ""],
    ["a".repeat(254), ""],
  ] as const)
    assert.equal(normaliseServerName(given), name);
});
