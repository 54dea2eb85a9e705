import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../../src/lib/proxy-protocol/crc32c.ts";
import type { ProxySsl, ProxyTlvs } from "../../../src/lib/proxy-protocol/header.ts";
import { read, readFault, readHeader, readWhole } from "./reading.ts";

/** Written down from the specification, so that no mistake of the writer's can hide one of the reader's. */
const signature = "0d0a0d0a000d0a515549540a";
const addresses4 = "c0000201" + "c6336402" + "04d2" + "01bb";
const ends4 = {
  source: { address: "192.0.2.1", port: 1234 },
  destination: { address: "198.51.100.2", port: 443 },
};

/** A header of these parts, each in hexadecimal, with the length that fits unless it is given. */
function v2(start: string, block: string, length = block.length / 2): Buffer {
  return Buffer.from(signature + start + length.toString(16).padStart(4, "0") + block, "hex");
}

function tlv(type: number, value: string | Buffer, length = Buffer.from(value as string).length): string {
  const bytes = Buffer.from(value as string);
  return Buffer.from([type, length >> 8, length & 0xff]).toString("hex") + bytes.toString("hex");
}

function proxied(...tlvs: string[]): Buffer {
  return v2("2111", addresses4 + tlvs.join(""));
}

function tlvsOf(...tlvs: string[]): ProxyTlvs {
  return readHeader(proxied(...tlvs)).tlvs;
}

function sslTlv(flags: number, verify: number, ...tlvs: string[]): string {
  const start = Buffer.from([flags, 0, 0, 0, 0]);
  start.writeUInt32BE(verify, 1);
  return tlv(0x20, Buffer.concat([start, Buffer.from(tlvs.join(""), "hex")]));
}

function sslOf(flags: number, verify: number, ...tlvs: string[]): ProxySsl | undefined {
  return tlvsOf(sslTlv(flags, verify, ...tlvs)).ssl;
}

test("TCP over IPv4 gives both ends", () => {
  assert.deepEqual(readHeader(v2("2111", addresses4)), { version: 2, command: "proxy", ...ends4, tlvs: {} });
});

test("TCP over IPv6 gives both ends, in the one form that Node writes", () => {
  const block = "20010db8000000000001000000000001" + "00000000000000000000000000000001" + "ffff" + "0000";
  assert.deepEqual(readHeader(v2("2121", block)), {
    version: 2,
    command: "proxy",
    source: { address: "2001:db8::1:0:0:1", port: 65535 },
    destination: { address: "::1", port: 0 },
    tlvs: {},
  });
});

test("an IPv4-mapped address is the IPv4 address", () => {
  const block = "00000000000000000000ffff0a010203" + "20010db8000000000000000000000001" + "0001" + "0002";
  const { source, destination } = readHeader(v2("2121", block));
  assert.deepEqual(source, { address: "10.1.2.3", port: 1 });
  assert.deepEqual(destination, { address: "2001:db8::1", port: 2 });
});

test("a LOCAL header is skipped by its length, whatever is in it", () => {
  const header = { version: 2, command: "local", tlvs: {} };
  assert.deepEqual(readHeader(v2("2000", "")), header);
  assert.deepEqual(readHeader(v2("2011", addresses4)), header);
  assert.deepEqual(readHeader(v2("2000", tlv(0x03, "\0\0\0\0"))), header);
  for (const family of ["11", "12", "21", "31", "40", "ff"])
    assert.deepEqual(readHeader(v2(`20${family}`, "ffffff")), header);
});

test("a proxied connection of an unspecified or a unix address has TLVs but no ends", () => {
  const name = tlv(0x02, "a.example");
  const header = { version: 2, command: "proxy", tlvs: { authority: "a.example" } };
  assert.deepEqual(readHeader(v2("2100", "")), { ...header, tlvs: {} });
  assert.deepEqual(readHeader(v2("2100", name)), header);
  assert.deepEqual(readHeader(v2("2101", name)), header);
  assert.deepEqual(readHeader(v2("2110", addresses4 + name)), header);
  assert.deepEqual(readHeader(v2("2120", "00".repeat(36) + name)), header);
  assert.deepEqual(readHeader(v2("2130", "2f".repeat(216) + name)), header);
  assert.deepEqual(readHeader(v2("2131", "2f".repeat(216) + name)), header);
});

test("another version, command, family or transport is refused", () => {
  for (const version of [0, 1, 3, 15])
    assert.equal(
      readFault(v2(`${version.toString(16)}111`, addresses4)),
      `has version ${version} after the signature of version 2`,
    );
  for (const command of [2, 3, 15])
    assert.equal(
      readFault(v2(`2${command.toString(16)}11`, addresses4)),
      `has command ${command}; expected 0 (LOCAL) or 1 (PROXY)`,
    );
  for (const family of [4, 5, 15])
    assert.equal(
      readFault(v2(`21${family.toString(16)}1`, "00".repeat(216))),
      `has address family ${family}; expected 0 to 3`,
    );
  for (const transport of [3, 15])
    assert.equal(
      readFault(v2(`211${transport.toString(16)}`, addresses4)),
      `has transport ${transport}; expected 0 (UNSPEC) or 1 (STREAM)`,
    );
});

test("datagrams are refused on a stream", () => {
  for (const family of ["02", "12", "22", "32"])
    assert.equal(
      readFault(v2(`21${family}`, "00".repeat(216))),
      "is one of datagrams, but came over a stream",
    );
});

test("addresses that do not fit into the header are refused before they have come", () => {
  for (const [start, needed] of [
    ["2111", 12],
    ["2110", 12],
    ["2121", 36],
    ["2131", 216],
  ] as const)
    assert.equal(
      readFault(v2(start, "", needed - 1)),
      `is ${16 + needed - 1} bytes long; its addresses alone take it to ${16 + needed}`,
    );
});

test("a header may have 4096 bytes, and a longer one is refused before it has come", () => {
  const padding = tlv(0x04, Buffer.alloc(4096 - 16 - 12 - 3));
  assert.equal(proxied(padding).length, 4096);
  assert.deepEqual(tlvsOf(padding), {});
  assert.equal(readFault(v2("2111", "", 4081)), "is 4097 bytes long; at most 4096 are read");
  assert.equal(readFault(v2("2111", "", 65535)), "is 65551 bytes long; at most 4096 are read");
  assert.equal(readFault(v2("2000", "", 65535)), "is 65551 bytes long; at most 4096 are read");
});

test("every beginning of a header is no outcome yet", () => {
  const bytes = proxied(tlv(0x02, "a.example"), sslTlv(7, 0, tlv(0x21, "TLSv1.3")));
  for (let length = 0; length < bytes.length; length++)
    assert.equal(read(bytes.subarray(0, length)).kind, "more");
});

test("a signature that goes wrong is no header, at the byte where it does", () => {
  for (let at = 1; at < 12; at++) {
    const bytes = proxied();
    bytes[at]! ^= 0x20;
    const first = bytes.toString("hex", 0, at + 1).replaceAll(/(..)(?=.)/g, "$1 ");
    assert.equal(readFault(bytes), `is missing: the connection begins with the bytes ${first}`);
    assert.equal(readWhole(bytes.subarray(0, at)).kind, "more");
    assert.equal(readWhole(bytes.subarray(0, at + 1)).kind, "malformed");
  }
});

test("the TLVs that are understood are read, in any order, and all others skipped", () => {
  assert.deepEqual(
    tlvsOf(
      tlv(0x30, "blue"),
      tlv(0xea, Buffer.from([1, 2, 3])),
      tlv(0x05, Buffer.from([0, 255])),
      tlv(0x04, ""),
      tlv(0x04, "\0\0"),
      tlv(0xea, ""),
      tlv(0x02, "bücher.example"),
      tlv(0x01, "h2"),
      tlv(0xff, "future"),
    ),
    { netns: "blue", uniqueId: Buffer.from([0, 255]), authority: "bücher.example", alpn: "h2" },
  );
});

test("a unique ID is a copy of its bytes", () => {
  const bytes = proxied(tlv(0x05, "id"));
  const outcome = readWhole(bytes);
  assert.ok(outcome.kind === "header");
  bytes.fill(0);
  assert.deepEqual(outcome.header.tlvs, { uniqueId: Buffer.from("id") });
});

test("a text that is not UTF-8 is skipped, and does not become another one", () => {
  assert.deepEqual(tlvsOf(tlv(0x02, Buffer.from([0x61, 0xff])), tlv(0x01, "h2")), { alpn: "h2" });
  const ssl = sslOf(7, 0, tlv(0x22, Buffer.from("Zo\xeb", "latin1")));
  assert.deepEqual(ssl, {
    client: true,
    certificateOnConnection: true,
    certificateInSession: true,
    verified: true,
  });
});

test("TLVs that do not fill the header exactly are refused", () => {
  assert.equal(readFault(proxied("04")), "has 1 bytes where a TLV takes 3 or more");
  assert.equal(readFault(proxied(tlv(0x02, "a"), "0400")), "has 2 bytes where a TLV takes 3 or more");
  assert.equal(readFault(proxied(tlv(0x02, "abc", 4))), "has a TLV of type 0x02 that ends 1 bytes too late");
  assert.equal(
    readFault(proxied(tlv(0xea, "", 65535))),
    "has a TLV of type 0xea that ends 65535 bytes too late",
  );
  assert.equal(readFault(v2("2100", "04")), "has 1 bytes where a TLV takes 3 or more");
});

test("two TLVs that could contradict each other are refused", () => {
  for (const type of [0x01, 0x02, 0x05, 0x30])
    assert.equal(
      readFault(proxied(tlv(type, "a"), tlv(type, "b"))),
      `has more than one TLV of type 0x${type.toString(16).padStart(2, "0")}`,
    );
  assert.equal(readFault(proxied(sslTlv(0, 1), sslTlv(7, 0))), "has more than one TLV of type 0x20");
  assert.equal(
    readFault(proxied(sslTlv(7, 0, tlv(0x22, "a"), tlv(0x22, "b")))),
    "has more than one TLV of type 0x22 inside its SSL TLV",
  );
});

test("a unique ID has at most 128 bytes", () => {
  assert.deepEqual(tlvsOf(tlv(0x05, Buffer.alloc(128))), { uniqueId: Buffer.alloc(128) });
  const detail = "has a unique ID of 129 bytes; at most 128 are allowed";
  assert.equal(readFault(proxied(tlv(0x05, Buffer.alloc(129)))), detail);
});

test("the SSL TLV says what there was: TLS, a certificate, one that was verified", () => {
  const none = {
    client: false,
    certificateOnConnection: false,
    certificateInSession: false,
    verified: false,
  };
  assert.deepEqual(sslOf(0, 1), none);
  assert.deepEqual(sslOf(1, 1), { ...none, client: true });
  const fresh = { client: true, certificateOnConnection: true, certificateInSession: true, verified: true };
  assert.deepEqual(sslOf(7, 0), fresh);
  assert.deepEqual(sslOf(5, 0), { ...fresh, certificateOnConnection: false });
  assert.deepEqual(sslOf(3, 0), { ...fresh, certificateInSession: false });
  assert.deepEqual(sslOf(7, 18), { ...fresh, verified: false });
  assert.deepEqual(sslOf(7, 0x01000000), { ...fresh, verified: false });
  assert.deepEqual(sslOf(0xff, 0), fresh);
});

test("a certificate that was not there is not verified, even when the result says 0", () => {
  assert.equal(sslOf(1, 0)?.verified, false);
  assert.equal(sslOf(0, 0)?.verified, false);
});

test("the details of the SSL TLV are read, and those that are not understood are skipped", () => {
  const ssl = sslOf(
    1,
    1,
    tlv(0x21, "TLSv1.3"),
    tlv(0x22, "Zoë"),
    tlv(0x23, "TLS_AES_128_GCM_SHA256"),
    tlv(0x24, "RSA-SHA256"),
    tlv(0x25, "RSA2048"),
    tlv(0x26, "X25519"),
    tlv(0x27, "rsa_pss_rsae_sha256"),
    tlv(0x28, Buffer.alloc(1000, 0xff)),
    tlv(0x02, "not.an.authority"),
  );
  assert.deepEqual(ssl, {
    client: true,
    certificateOnConnection: false,
    certificateInSession: false,
    verified: false,
    version: "TLSv1.3",
    cn: "Zoë",
    cipher: "TLS_AES_128_GCM_SHA256",
    signatureAlgorithm: "RSA-SHA256",
    keyAlgorithm: "RSA2048",
    group: "X25519",
    signatureScheme: "rsa_pss_rsae_sha256",
  });
});

test("an SSL TLV that is too short, or whose own TLVs do not fill it, is refused", () => {
  assert.equal(readFault(proxied(tlv(0x20, "1234"))), "has an SSL TLV of 4 bytes; expected 5 or more");
  assert.equal(readFault(proxied(tlv(0x20, ""))), "has an SSL TLV of 0 bytes; expected 5 or more");
  assert.equal(
    readFault(proxied(sslTlv(1, 0, "2100"), tlv(0x04, "xxxx"))),
    "has 2 bytes where a TLV takes 3 or more inside its SSL TLV",
  );
  assert.equal(
    readFault(proxied(sslTlv(1, 0, tlv(0x21, "TLSv1.3", 8)), tlv(0x04, "xxxx"))),
    "has a TLV of type 0x21 that ends 1 bytes too late inside its SSL TLV",
  );
});

function withChecksum(...around: [before: string, after: string]): Buffer {
  const bytes = proxied(around[0], tlv(0x03, "\0\0\0\0"), around[1]);
  bytes.writeUInt32BE(crc32c(bytes), 16 + 12 + around[0].length / 2 + 3);
  return bytes;
}

test("a checksum is verified wherever it stands, and the bytes are left as they are", () => {
  const name = tlv(0x02, "a.example");
  for (const bytes of [withChecksum("", name), withChecksum(name, ""), withChecksum(name, tlv(0x04, "x"))]) {
    const before = Buffer.from(bytes);
    assert.deepEqual(readHeader(bytes).tlvs, { authority: "a.example" });
    assert.deepEqual(bytes, before);
  }
});

test("a header of which one bit differs from its checksum is refused", () => {
  const bytes = withChecksum(tlv(0x02, "a.example"), "");
  for (let bit = 8 * 16; bit < 8 * bytes.length; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    // Apart from the checksum's own type and length, which make it another TLV.
    if (bit >> 3 < bytes.length - 7 || bit >> 3 > bytes.length - 5) readFault(changed);
  }
  bytes[bytes.length - 1]! ^= 1;
  assert.equal(readFault(bytes), "does not have the CRC32C that it states");
});

test("a checksum of another size, or a second one, is refused", () => {
  assert.equal(readFault(proxied(tlv(0x03, "abc"))), "has a CRC32C of 3 bytes; expected 4");
  assert.equal(readFault(proxied(tlv(0x03, "abcde"))), "has a CRC32C of 5 bytes; expected 4");
  const twice = withChecksum(tlv(0x03, "\0\0\0\0"), "");
  assert.equal(readFault(twice), "has more than one TLV of type 0x03");
});
