import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ClientHelloReader,
  type HelloReading,
  largestPrelude,
  normaliseServerName,
} from "../../../src/data/accept/client-hello.ts";
import { captures, mutationsOf } from "../../support/captures.ts";

const hellos = captures("hello");

function readBytewise(bytes: Buffer): HelloReading {
  const reader = new ClientHelloReader();
  let reading: HelloReading = { kind: "more" };
  for (let end = 1; end <= bytes.length && reading.kind === "more"; end++)
    reading = reader.read(bytes.subarray(0, end));
  return reading;
}

for (const [name, bytes] of hellos)
  test(`${name} is read, at once and byte by byte`, () => {
    const reading = new ClientHelloReader().read(bytes);
    assert.ok(reading.kind === "hello");
    const serverName = name.includes("nameless")
      ? ""
      : name.includes("gnutls")
        ? "localhost"
        : "a.example.com";
    assert.equal(reading.hello.serverName, serverName);
    const offers = /tls1\.3|node-24-x|curl|haproxy|go/.test(name);
    assert.equal(reading.hello.alpn[0], offers ? "h2" : name.includes("python") ? "http/1.1" : undefined);
    assert.deepEqual(readBytewise(bytes), reading);
    assert.equal(readBytewise(bytes.subarray(0, -1)).kind, "more");
  });

test("no mutation of a real hello makes the reader throw, depend on how bytes arrive, or name what is no name", () => {
  fc.assert(
    fc.property(mutationsOf([...hellos.values()]), (bytes) => {
      const reading = new ClientHelloReader().read(bytes);
      assert.deepEqual(readBytewise(bytes), reading);
      if (reading.kind === "hello")
        assert.equal(normaliseServerName(reading.hello.serverName), reading.hello.serverName);
    }),
    { numRuns: 500 },
  );
});

test("whatever a real hello becomes, there is an outcome after as many bytes as a hello may take", () => {
  const fillers = fc.constantFrom(
    Buffer.from([0]),
    Buffer.from([22, 3, 1, 0, 1, 0]),
    Buffer.from([22, 3, 3, 64, 0]),
  );
  fc.assert(
    fc.property(mutationsOf([...hellos.values()]), fillers, (bytes, filler) => {
      const all = Buffer.concat([bytes, Buffer.alloc(largestPrelude + 20_000, filler)]);
      assert.notEqual(new ClientHelloReader().read(all).kind, "more");
    }),
    { numRuns: 300 },
  );
});
