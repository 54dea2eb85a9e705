import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyEndpoint } from "../../../src/lib/proxy-protocol/header.ts";
import { read, readFault, readHeader, readWhole } from "./reading.ts";

function tcp(source: ProxyEndpoint, destination: ProxyEndpoint): object {
  return { version: 1, command: "proxy", source, destination, tlvs: {} };
}

const ip6 = `${"ffff:".repeat(7)}ffff`;

test("a TCP4 line gives both ends", () => {
  assert.deepEqual(
    readHeader("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
    tcp({ address: "192.168.0.1", port: 56324 }, { address: "192.168.0.11", port: 443 }),
  );
  assert.deepEqual(
    readHeader("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"),
    tcp({ address: "255.255.255.255", port: 65535 }, { address: "0.0.0.0", port: 0 }),
  );
});

test("a TCP6 line gives addresses in the one form that Node writes", () => {
  assert.deepEqual(
    readHeader("PROXY TCP6 2001:DB8:0:0:0:0:0:1 fe80::00aB 1 2\r\n"),
    tcp({ address: "2001:db8::1", port: 1 }, { address: "fe80::ab", port: 2 }),
  );
  assert.deepEqual(
    readHeader(`PROXY TCP6 ${ip6} ${ip6} 65535 65535\r\n`),
    tcp({ address: ip6, port: 65535 }, { address: ip6, port: 65535 }),
  );
  assert.deepEqual(
    readHeader("PROXY TCP6 :: 1:2:3:4:5:6:7:: 1 2\r\n"),
    tcp({ address: "::", port: 1 }, { address: "1:2:3:4:5:6:7:0", port: 2 }),
  );
});

test("an IPv4-mapped address is the IPv4 address, in hexadecimal as with dots", () => {
  assert.deepEqual(
    readHeader("PROXY TCP6 ::ffff:10.1.2.3 ::FFFF:a01:204 1 2\r\n"),
    tcp({ address: "10.1.2.3", port: 1 }, { address: "10.1.2.4", port: 2 }),
  );
  assert.deepEqual(
    readHeader("PROXY TCP6 0:0:0:0:0:ffff:0:1 64:ff9b::10.1.2.3 1 2\r\n"),
    tcp({ address: "0.0.0.1", port: 1 }, { address: "64:ff9b::a01:203", port: 2 }),
  );
});

test("an UNKNOWN line gives no ends, whatever it says after the word", () => {
  const header = { version: 1, command: "proxy", tlvs: {} };
  assert.deepEqual(readHeader("PROXY UNKNOWN\r\n"), header);
  assert.deepEqual(readHeader("PROXY UNKNOWN \r\n"), header);
  assert.deepEqual(readHeader("PROXY UNKNOWN ~ \0 \xff 1.2.3.4\r\n"), header);
  assert.deepEqual(readHeader(`PROXY UNKNOWN ${ip6} ${ip6} 65535 65535\r\n`), header);
});

test("a line may have 107 bytes with its CRLF, and the 107th without one ends the wait", () => {
  const start = "PROXY UNKNOWN ".padEnd(105, "x");
  readHeader(`${start}\r\n`);
  assert.equal(read(`${start}x`).kind, "more");
  const tooLong = "has no CRLF in its first 107 bytes";
  assert.equal(readFault(`${start}x\r`), tooLong);
  assert.equal(readFault(`${start}x\r\n`), tooLong);
  assert.equal(readFault(`${start}${"x".repeat(1_000_000)}`), tooLong);
});

test("a line ends in CRLF and nothing less", () => {
  const line = "PROXY TCP4 1.2.3.4 5.6.7.8 1 2";
  assert.equal(readFault(`${line}\n`), "has a line feed without a carriage return");
  assert.equal(readFault(`${line}\n\r\n`), "has a line feed without a carriage return");
  assert.equal(readFault(`${line}\rx`), "has a carriage return without a line feed");
  assert.equal(readFault(`${line}\r\r\n`), "has a carriage return without a line feed");
  assert.equal(readFault("PROXY UNKNOWN\nGET / HTTP/1.1\r\n"), "has a line feed without a carriage return");
  assert.equal(readWhole(Buffer.from(`${line}\r`)).kind, "more");
});

test("only TCP4, TCP6 and UNKNOWN are protocols", () => {
  for (const protocol of ["UDP4", "TCP", "TCP5", "tcp4", "unknown", "UNKNOWNS", "TCP44", ""])
    assert.equal(
      readFault(`PROXY ${protocol} 1.2.3.4 5.6.7.8 1 2\r\n`),
      `names the protocol "${protocol}"; expected TCP4, TCP6 or UNKNOWN`,
    );
  assert.match(readFault("PROXY \r\n"), /^names the protocol ""/);
  assert.match(readFault("PROXY \x1b\x7f\x9b2J\r\n"), /^names the protocol "\\u001b\\u007f\\u009b2J"/);
});

test("there are five fields with one space between them", () => {
  for (const fields of [
    "TCP4",
    "TCP4 1.2.3.4 5.6.7.8 1",
    "TCP4 1.2.3.4 5.6.7.8 1 2 3",
    "TCP4 1.2.3.4 5.6.7.8 1 2 ",
    "TCP4  1.2.3.4 5.6.7.8 1 2",
    "TCP4 1.2.3.4\t5.6.7.8 1 2",
  ])
    assert.match(
      readFault(`PROXY ${fields}\r\n`),
      /^has \d fields after PROXY; expected 5, each after one space$/,
    );
});

test("an address is one of the family that the line names, in its canonical form", () => {
  for (const address of [
    "256.1.1.1",
    "01.1.1.1",
    "1.1.1",
    "1.1.1.1.1",
    "1.1.1.1x",
    "0x1.1.1.1",
    "1",
    "",
    "::1",
    "a.example",
  ]) {
    const complaint = `${JSON.stringify(address)} is no address of TCP4`;
    assert.equal(readFault(`PROXY TCP4 ${address} 5.6.7.8 1 2\r\n`), `has a bad source: ${complaint}`);
    assert.equal(readFault(`PROXY TCP4 5.6.7.8 ${address} 1 2\r\n`), `has a bad destination: ${complaint}`);
  }
  for (const address of [
    "1.2.3.4",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "[::1]",
    "fe80::1%eth0",
    "::ffff:01.2.3.4",
    "::g",
    "",
  ]) {
    const complaint = `${JSON.stringify(address)} is no address of TCP6`;
    assert.equal(readFault(`PROXY TCP6 ${address} ::1 1 2\r\n`), `has a bad source: ${complaint}`);
    assert.equal(readFault(`PROXY TCP6 ::1 ${address} 1 2\r\n`), `has a bad destination: ${complaint}`);
  }
});

test("a port is a number from 0 to 65535 without leading zeros", () => {
  for (const port of ["65536", "99999", "100000", "00", "080", "-1", "+1", "1e3", "0x50", "1.0", "x", ""]) {
    const complaint = `${JSON.stringify(port)} is no port (0 to 65535, without leading zeros)`;
    assert.equal(readFault(`PROXY TCP4 1.2.3.4 5.6.7.8 ${port} 2\r\n`), `has a bad source: ${complaint}`);
    assert.equal(
      readFault(`PROXY TCP4 1.2.3.4 5.6.7.8 1 ${port}\r\n`),
      `has a bad destination: ${complaint}`,
    );
  }
});

test("a connection without a header is known by its first bytes", () => {
  const missing = "is missing: the connection begins with the bytes";
  assert.equal(readFault("\x16\x03\x01\x02\0"), `${missing} 16`);
  assert.equal(readFault("GET / HTTP/1.1\r\n"), `${missing} 47`);
  assert.equal(readFault("POST / HTTP/1.1\r\n"), `${missing} 50 4f`);
  assert.equal(readFault("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), `${missing} 50 52 49`);
  assert.equal(readFault("PROXYv"), `${missing} 50 52 4f 58 59 76`);
  assert.equal(readFault("proxy TCP4"), `${missing} 70`);
  assert.equal(readFault("\n"), `${missing} 0a`);
  assert.equal(readFault("\r\nPROXY TCP4"), `${missing} 0d 0a 50`);
});

test("no bytes, and every beginning of a header, are no outcome yet", () => {
  const line = "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
  for (let length = 0; length < line.length; length++) assert.equal(read(line.slice(0, length)).kind, "more");
});
