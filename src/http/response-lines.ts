/*
 * The lines of a response of HTTP/1.1 (RFC 9112), without their line ends. Each is read once from left to right: no line
 * takes longer than its length.
 */
const tab = 0x09;
const space = 0x20;
const colon = 0x3a;
const semicolon = 0x3b;

const tokenBytes = byteTable("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

function byteTable(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters, "latin1")) table[byte] = 1;
  return table;
}

/** Whether a byte may be in a field value or a reason phrase: all but control characters, the tab aside. */
const isText = (byte: number): boolean => (byte >= space && byte !== 0x7f) || byte === tab;

const isBlank = (byte: number): boolean => byte === space || byte === tab;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

function allText(line: Uint8Array, from: number): boolean {
  for (let at = from; at < line.length; at++) if (!isText(line[at]!)) return false;
  return true;
}

const statusStart = Buffer.from("HTTP/1.");

/** @returns whether the bytes from `at` on may stand there in the status line of a response of HTTP/1. */
export function mayBeStatusLine(bytes: Uint8Array, at: number): boolean {
  const known = Math.min(bytes.length, statusStart.length - at);
  for (let index = 0; index < known; index++) if (bytes[index] !== statusStart[at + index]) return false;
  return true;
}

/** RFC 9112 section 4. @returns the status, 100 to 999; undefined: malformed. */
export function readStatusLine(line: Uint8Array): number | undefined {
  if (line.length < 12 || !mayBeStatusLine(line, 0)) return undefined;
  if ((line[7] !== 0x30 && line[7] !== 0x31) || line[8] !== space) return undefined;
  for (let at = 9; at < 12; at++) if (!isDigit(line[at]!)) return undefined;
  if (line.length > 12 && (line[12] !== space || !allText(line, 13))) return undefined;
  const status = (line[9]! - 0x30) * 100 + (line[10]! - 0x30) * 10 + line[11]! - 0x30;
  return status < 100 ? undefined : status;
}

/** Where the parts of a field line are: the name from 0 to `nameEnd`, the value without the blanks around it. */
export interface FieldLine {
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** RFC 9112 section 5. @returns undefined: malformed. */
export function readFieldLine(line: Uint8Array): FieldLine | undefined {
  let at = 0;
  while (at < line.length && tokenBytes[line[at]!] === 1) at++;
  if (at === 0 || line[at] !== colon) return undefined;
  const nameEnd = at++;
  while (at < line.length && isBlank(line[at]!)) at++;
  const valueStart = at;
  let valueEnd = at;
  for (; at < line.length; at++) {
    const byte = line[at]!;
    if (!isText(byte)) return undefined;
    if (!isBlank(byte)) valueEnd = at + 1;
  }
  return { nameEnd, valueStart, valueEnd };
}

/** RFC 9112 section 7.1, extensions passed over. @returns the chunk's length, at most 0xffffffff; undefined: malformed. */
export function readChunkLine(line: Uint8Array): number | undefined {
  let length = 0;
  let at = 0;
  for (; at < line.length; at++) {
    const digit = hexDigit(line[at]!);
    if (digit === undefined) break;
    length = length * 16 + digit;
  }
  if (at === 0 || at > 8) return undefined;
  while (at < line.length && isBlank(line[at]!)) at++;
  if (at < line.length && (line[at] !== semicolon || !allText(line, at))) return undefined;
  return length;
}

function hexDigit(byte: number): number | undefined {
  if (isDigit(byte)) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

/** @returns a Content-Length of at most 15 digits; undefined: malformed. */
export function readLength(value: Uint8Array): number | undefined {
  if (value.length === 0 || value.length > 15) return undefined;
  let length = 0;
  for (let at = 0; at < value.length; at++) {
    if (!isDigit(value[at]!)) return undefined;
    length = length * 10 + value[at]! - 0x30;
  }
  return length;
}
