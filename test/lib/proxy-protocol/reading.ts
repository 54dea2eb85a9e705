import assert from "node:assert/strict";
import type { ProxyHeader } from "../../../src/lib/proxy-protocol/header.ts";
import { type ProxyHeaderRead, ProxyHeaderReader } from "../../../src/lib/proxy-protocol/reader.ts";

/** Reads bytes at once. */
export function readWhole(bytes: Buffer): ProxyHeaderRead {
  return new ProxyHeaderReader().read(bytes);
}

/** Reads bytes that arrive in pieces of one byte, up to the first outcome. */
export function readBytewise(bytes: Buffer): ProxyHeaderRead {
  const reader = new ProxyHeaderReader();
  for (let length = 0; length <= bytes.length; length++) {
    const read = reader.read(bytes.subarray(0, length));
    if (read.kind !== "more") return read;
  }
  return { kind: "more" };
}

/** Reads bytes both ways, which must give the same. */
export function read(bytes: Buffer | string): ProxyHeaderRead {
  const buffer = Buffer.from(bytes as string, "latin1");
  const outcome = readWhole(buffer);
  assert.deepEqual(readBytewise(buffer), outcome);
  return outcome;
}

/** The header that the bytes are, to the last one, whatever comes after them. */
export function readHeader(bytes: Buffer | string): ProxyHeader {
  const buffer = Buffer.from(bytes as string, "latin1");
  const outcome = read(buffer);
  assert.ok(outcome.kind === "header", `${outcome.kind} instead of a header: ${JSON.stringify(outcome)}`);
  assert.equal(outcome.length, buffer.length);
  assert.equal(readWhole(buffer.subarray(0, -1)).kind, "more");
  for (const next of ["\r\n", "\x16\x03\x01", "PROXY TCP4 ", "\0\0\0\0\0\0\0\0"])
    assert.deepEqual(readWhole(Buffer.concat([buffer, Buffer.from(next)])), outcome);
  return outcome.header;
}

/** The fault in the bytes. */
export function readFault(bytes: Buffer | string): string {
  const outcome = read(bytes);
  assert.ok(outcome.kind === "malformed", `${outcome.kind} instead of a fault: ${JSON.stringify(outcome)}`);
  return outcome.detail;
}
