import { describeReadError, readWhole } from "../lib/read-file.ts";
import type { FileSource, TicketKeys } from "../model/material.ts";
import type { Loaded } from "./pem.ts";

/** The length of Node's `ticketKeys`: a name, a key for HMAC and one for AES-128, of 16 bytes each. */
const keyBytes = 48;
/** That are read, so that what is wrong with a file can be told. */
const mostBytes = 4096;

/** Reads the key that encrypts session tickets: 48 random bytes, or their base64. */
export async function loadTicketKeys(source: FileSource): Promise<Loaded<TicketKeys>> {
  let bytes: Buffer;
  try {
    bytes =
      source.given === undefined
        ? await readWhole(source.file, mostBytes)
        : Buffer.from(source.given, "base64");
  } catch (error) {
    return { problem: describeReadError(error) };
  }
  // A plain array, because a worker receives one.
  if (bytes.length === keyBytes) return { value: { source, bytes: new Uint8Array(bytes) } };
  const [text = "", ...others] = bytes.toString("latin1").trim().split(/\s+/);
  const decoded = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
  if (decoded?.length === keyBytes && others.length === 0)
    return { value: { source, bytes: new Uint8Array(decoded) } };
  return { problem: `${describe(bytes, decoded, others.length)}; make one with: openssl rand -base64 48` };
}

function describe(bytes: Buffer, decoded: Buffer | undefined, others: number): string {
  const expected = `expected one key, ${keyBytes} random bytes or their base64`;
  if (bytes.length === 0) return `is empty; ${expected}`;
  if (decoded === undefined) return `holds ${bytes.length} bytes; ${expected}`;
  if (others === 0) return `holds a key of ${decoded.length} bytes; ${expected}`;
  return `holds ${decoded.length < keyBytes ? "words" : `${others + 1} keys`}; ${expected}`;
}
