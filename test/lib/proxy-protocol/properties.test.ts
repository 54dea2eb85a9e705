import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import type { ProxyHeader, ProxySsl } from "../../../src/lib/proxy-protocol/header.ts";
import { formatIp, parseIp } from "../../../src/lib/proxy-protocol/ip.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../../src/lib/proxy-protocol/writer.ts";
import { type Mutation, mutation } from "../../support/captures.ts";
import { read, readBytewise, readHeader, readWhole } from "./reading.ts";

const address = fc.oneof(
  fc.ipV4(),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIp(Buffer.from(bytes))),
  // Runs of zeros are where texts of IPv6 addresses differ.
  fc
    .array(fc.constantFrom("0", "0", "1", "a0", "ffff"), { minLength: 8, maxLength: 8 })
    .map((groups) => formatIp(parseIp(groups.join(":"))!)),
);
const plain = { noNullPrototype: true };
const endpoint = fc.record({ address, port: fc.integer({ min: 0, max: 65535 }) }, plain);
const text = fc
  .string({ minLength: 1, maxLength: 60, unit: "grapheme" })
  .filter((value) => Buffer.byteLength(value) <= 255);
const flags = {
  client: fc.boolean(),
  certificateOnConnection: fc.boolean(),
  certificateInSession: fc.boolean(),
};
const sslTexts = {
  ...{ version: text, cn: text, cipher: text, signatureAlgorithm: text, keyAlgorithm: text },
  ...{ group: text, signatureScheme: text },
};
const ssl = fc
  .tuple(fc.record(flags, plain), fc.record(sslTexts, { ...plain, requiredKeys: [] }), fc.boolean())
  .map(([sent, texts, verifies]): ProxySsl => {
    const verified = verifies && (sent.certificateOnConnection || sent.certificateInSession);
    return { ...sent, verified, ...texts };
  });
const uniqueId = fc.uint8Array({ minLength: 1, maxLength: 128 }).map((bytes) => Buffer.from(bytes));
const tlvs = fc.record(
  { alpn: text, authority: text, uniqueId, ssl, netns: text },
  { ...plain, requiredKeys: [] },
);
const proxied: fc.Arbitrary<ProxyHeader> = fc
  .record({ source: endpoint, destination: endpoint, tlvs }, plain)
  .map((parts) => ({ version: 2, command: "proxy", ...parts }));

test("what version 1 writes is read as it was", () => {
  fc.assert(
    fc.property(endpoint, endpoint, (source, destination) => {
      const bytes = encodeProxyV1({ source, destination });
      assert.ok(bytes.length <= 107);
      assert.deepEqual(readHeader(bytes), { version: 1, command: "proxy", source, destination, tlvs: {} });
    }),
    { numRuns: 300 },
  );
});

test("what version 2 writes is read as it was, with and without a checksum", () => {
  fc.assert(
    fc.property(proxied, fc.boolean(), (header, crc32c) => {
      const bytes = encodeProxyV2(header, { crc32c });
      assert.ok(bytes.length <= 4096);
      const outcome = readWhole(bytes);
      assert.deepEqual(outcome, { kind: "header", header, length: bytes.length });
    }),
    { numRuns: 300 },
  );
});

test("addresses have the text that Node gives to sockets, or the IPv4 address that is mapped", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV6(),
        fc.ipV4().map((ip) => `::ffff:${ip}`),
        fc.ipV4().map((ip) => `64:ff9b::${ip}`),
      ),
      (ip) => {
        const text = formatIp(parseIp(ip)!);
        const nodes = new SocketAddress({ address: ip, family: "ipv6" }).address;
        assert.equal(text, nodes.replace(/^::ffff:(?=.*\.)/, ""));
      },
    ),
  );
});

const junk = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
/** Changes the length of the header, which decides what its last TLV is. */
const length: fc.Arbitrary<Mutation> = fc.integer({ min: 0, max: 65535 }).map((length) => (bytes) => {
  const changed = Buffer.concat([bytes, Buffer.alloc(64)]);
  changed.writeUInt16BE(length & (length % 3 === 0 ? 0xffff : 0xff), 14);
  return changed;
});
const written = fc.oneof(
  fc.tuple(proxied, fc.boolean()).map(([header, crc32c]) => encodeProxyV2(header, { crc32c })),
  fc.tuple(endpoint, endpoint).map(([source, destination]) => encodeProxyV1({ source, destination })),
);
const mutated = fc
  .tuple(written, fc.array(fc.oneof(mutation, length), { minLength: 1, maxLength: 3 }))
  .map(([bytes, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), bytes));
const random = fc
  .tuple(
    fc.constantFrom("", "P", "PROXY ", "PROXY TCP4 ", "\r\n\r\n\0\r\nQUIT\n", "\r\n\r\n\0\r\nQUIT\n!\x11\0"),
    junk,
    junk,
  )
  .map(([start, first, second]) => Buffer.concat([Buffer.from(start), first, second]));

test("no bytes make a reader throw, wait for too many, or depend on how they arrive", () => {
  fc.assert(
    fc.property(fc.oneof(mutated, random), (bytes) => {
      const outcome = read(bytes);
      if (outcome.kind === "more") assert.ok(bytes.length < 4096);
      if (outcome.kind === "header") assert.ok(outcome.length <= bytes.length && outcome.length <= 4096);
      if (outcome.kind === "malformed") assert.match(outcome.detail, /^[ -~]+$/);
    }),
    { numRuns: 2000 },
  );
});

test("nothing after a header has a part in its outcome", () => {
  fc.assert(
    fc.property(fc.oneof(mutated, written), junk, (bytes, next) => {
      const outcome = readWhole(bytes);
      if (outcome.kind === "more") return;
      assert.deepEqual(readWhole(Buffer.concat([bytes, next])), outcome);
      if (outcome.kind === "header")
        assert.deepEqual(readBytewise(bytes.subarray(0, outcome.length)), outcome);
    }),
    { numRuns: 500 },
  );
});

test("after 4096 bytes there is an outcome", () => {
  fc.assert(
    fc.property(fc.oneof(mutated, random), (bytes) => {
      assert.notEqual(readWhole(Buffer.concat([bytes, Buffer.alloc(4096)])).kind, "more");
    }),
    { numRuns: 500 },
  );
});
