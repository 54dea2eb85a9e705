import { huffmanLength, writeHuffman } from "./huffman.ts";

/**
 * Writes an integer (RFC 7541 section 5.1).
 * @param pattern the bits before the prefix. @param prefix bits of the first byte.
 * @returns where it ends; that is at most 6 bytes on.
 */
export function writeInteger(
  into: Uint8Array,
  at: number,
  pattern: number,
  prefix: number,
  value: number,
): number {
  const most = (1 << prefix) - 1;
  if (value < most) {
    into[at] = pattern | value;
    return at + 1;
  }
  into[at] = pattern | most;
  let rest = value - most;
  let end = at + 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[end++] = 0x80 | (rest & 0x7f);
  into[end++] = rest;
  return end;
}

/**
 * Writes a string literal (RFC 7541 section 5.2), in Huffman's code where that is shorter.
 * @param text a byte per character.
 * @returns where it ends; that is at most 6 bytes more than the text has.
 */
export function writeString(text: string, into: Buffer, at: number): number {
  const coded = huffmanLength(text);
  if (coded < text.length) return writeHuffman(text, into, writeInteger(into, at, 0x80, 7, coded));
  return writePlain(text, into, at);
}

/** The same, a byte for a character. */
export function writePlain(text: string, into: Buffer, at: number): number {
  const start = writeInteger(into, at, 0, 7, text.length);
  return start + into.write(text, start, "latin1");
}
