import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxySsl } from "../../../src/lib/proxy-protocol/header.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../../src/lib/proxy-protocol/writer.ts";
import { readHeader } from "./reading.ts";

const signature = "0d0a0d0a000d0a515549540a";
const source = { address: "192.0.2.1", port: 1234 };
const destination = { address: "198.51.100.2", port: 443 };
const source6 = { address: "2001:db8::1", port: 1234 };
const destination6 = { address: "2001:db8::2", port: 443 };
const command = "proxy";
const tlvs = {};

function line(from: string, to: string): string {
  return encodeProxyV1({
    source: { address: from, port: 1 },
    destination: { address: to, port: 65535 },
  }).toString();
}

test("version 1 is one line", () => {
  assert.equal(line("192.0.2.1", "198.51.100.2"), "PROXY TCP4 192.0.2.1 198.51.100.2 1 65535\r\n");
  assert.equal(line("2001:DB8::0:1", "::"), "PROXY TCP6 2001:db8::1 :: 1 65535\r\n");
});

test("version 1 writes ends of different families as IPv6, in hexadecimal", () => {
  assert.equal(line("192.0.2.1", "2001:db8::1"), "PROXY TCP6 ::ffff:c000:201 2001:db8::1 1 65535\r\n");
  assert.equal(line("::1", "0.0.0.9"), "PROXY TCP6 ::1 ::ffff:0:9 1 65535\r\n");
});

test("version 1 writes IPv4-mapped ends as IPv4", () => {
  assert.equal(line("::ffff:192.0.2.1", "::ffff:c633:6402"), "PROXY TCP4 192.0.2.1 198.51.100.2 1 65535\r\n");
  assert.equal(line("::ffff:192.0.2.1", "198.51.100.2"), "PROXY TCP4 192.0.2.1 198.51.100.2 1 65535\r\n");
});

test("the zone of a link-local address stays on this machine", () => {
  assert.equal(line("fe80::1%eth0", "fe80::2"), "PROXY TCP6 fe80::1 fe80::2 1 65535\r\n");
});

test("version 1 writes UNKNOWN unless both ends are IP addresses", () => {
  const unknown = "PROXY UNKNOWN\r\n";
  assert.equal(encodeProxyV1({}).toString(), unknown);
  assert.equal(encodeProxyV1({ source }).toString(), unknown);
  assert.equal(encodeProxyV1({ destination }).toString(), unknown);
  assert.equal(line("192.0.2.1", "/run/umay.sock"), unknown);
  assert.equal(line("", "192.0.2.1"), unknown);
});

test("version 2 writes TCP over IPv4 and over IPv6 as the specification has them", () => {
  assert.equal(
    encodeProxyV2({ command, source, destination, tlvs }).toString("hex"),
    `${signature}2111000cc0000201c633640204d201bb`,
  );
  const [from, to] = ["20010db8000000000000000000000001", "20010db8000000000000000000000002"];
  assert.equal(
    encodeProxyV2({ command, source: source6, destination: destination6, tlvs }).toString("hex"),
    `${signature}21210024${from}${to}04d201bb`,
  );
});

test("version 2 maps the IPv4 end when the other one has IPv6", () => {
  assert.equal(
    encodeProxyV2({ command, source: source6, destination, tlvs }).toString("hex"),
    `${signature}2121002420010db800000000000000000000000100000000000000000000ffffc633640204d201bb`,
  );
  const header = { command, source, destination: destination6, tlvs } as const;
  assert.deepEqual(readHeader(encodeProxyV2(header)), { version: 2, ...header });
});

test("version 2 writes a LOCAL header of 16 bytes for what is local or has no IP addresses", () => {
  const local = `${signature}20000000`;
  const unix = { address: "/run/umay.sock", port: 0 };
  assert.equal(encodeProxyV2({ command: "local", tlvs }).toString("hex"), local);
  assert.equal(encodeProxyV2({ command: "local", source, destination, tlvs }).toString("hex"), local);
  assert.equal(encodeProxyV2({ command, tlvs }).toString("hex"), local);
  assert.equal(encodeProxyV2({ command, source: unix, destination, tlvs }).toString("hex"), local);
});

test("version 2 keeps the TLVs of a connection without addresses, as HAProxy does", () => {
  const bytes = encodeProxyV2({ command, tlvs: { alpn: "h2" } });
  assert.equal(bytes.toString("hex"), `${signature}20000005${"0100026832"}`);
});

test("version 2 writes TLVs, the nested ones with the flags of the certificate", () => {
  const ssl = { client: true, certificateOnConnection: false, certificateInSession: true, verified: true };
  const bytes = encodeProxyV2({
    command,
    source,
    destination,
    tlvs: {
      alpn: "h2",
      authority: "a.b",
      uniqueId: Buffer.from([0, 1]),
      ssl: { ...ssl, version: "TLSv1.3", cn: "é" },
      netns: "n",
    },
  });
  const texts = "0100026832" + "020003612e62" + "3000016e";
  const nested = "210007544c5376312e33" + "220002c3a9";
  assert.equal(bytes.toString("hex", 28), `${texts}0500020001200014${"0500000000"}${nested}`);
});

test("a checksum is the last TLV, and 0 while it is taken", () => {
  const bytes = encodeProxyV2({ command, source, destination, tlvs }, { crc32c: true });
  assert.equal(bytes.toString("hex"), `${signature}21110013c0000201c633640204d201bb0300043f393485`);
  assert.deepEqual(readHeader(bytes), { version: 2, command, source, destination, tlvs });
});

test("what a receiver would not take is left out, not cut", () => {
  const ssl: ProxySsl = {
    client: true,
    certificateOnConnection: false,
    certificateInSession: false,
    verified: false,
  };
  const wide = "é".repeat(128);
  const long = {
    alpn: "x".repeat(256),
    authority: wide,
    uniqueId: Buffer.alloc(129),
    ssl: { ...ssl, cn: wide },
  };
  const header = readHeader(encodeProxyV2({ command, source, destination, tlvs: long }));
  assert.deepEqual(header.tlvs, { ssl });
  const empty = { alpn: "", authority: "", uniqueId: Buffer.alloc(0), netns: "", ssl: { ...ssl, cn: "" } };
  assert.deepEqual(readHeader(encodeProxyV2({ command, source, destination, tlvs: empty })).tlvs, { ssl });
});

test("the longest header is one that is read", () => {
  const text = "x".repeat(255);
  const ssl = {
    ...{ client: true, certificateOnConnection: true, certificateInSession: true, verified: true },
    ...{ version: text, cn: text, cipher: text, signatureAlgorithm: text, keyAlgorithm: text },
    ...{ group: text, signatureScheme: text },
  };
  const largest = { alpn: text, authority: text, netns: text, uniqueId: Buffer.alloc(128), ssl };
  const bytes = encodeProxyV2({ command, source: source6, destination, tlvs: largest }, { crc32c: true });
  assert.deepEqual(readHeader(bytes).tlvs, largest);
});

test("a certificate that was not there is not written as verified", () => {
  const ssl = { client: true, certificateOnConnection: false, certificateInSession: false, verified: true };
  const bytes = encodeProxyV2({ command, source, destination, tlvs: { ssl } });
  assert.equal(bytes.toString("hex", 28), "2000050100000001");
});
