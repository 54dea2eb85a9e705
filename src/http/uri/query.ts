import { hexValues } from "../bytes.ts";

const [percent, plus, ampersand, equals] = [0x25, 0x2b, 0x26, 0x3d];

/**
 * Looks for a key in a query (as forms write it: WHATWG URL, section 5.1): pairs are parted by `&`, `+` is a space and
 * `%XX` a byte. Of equal keys the first counts; a key without `=` has an empty value.
 * @param query with its question mark, or empty.
 * @param key decoded, a character per byte of its UTF-8.
 * @returns the value, decoded, a character per byte; undefined where the key is not there.
 */
export function queryValue(query: string, key: string): string | undefined {
  for (let at = 1; at < query.length; ) {
    const next = indexOf(query, ampersand, at, query.length);
    const middle = indexOf(query, equals, at, next);
    if (decodesTo(query, at, middle, key)) return decode(query, Math.min(middle + 1, next), next);
    at = next + 1;
  }
  return undefined;
}

/** @returns `end` where there is none. */
function indexOf(text: string, byte: number, start: number, end: number): number {
  let at = start;
  while (at < end && text.charCodeAt(at) !== byte) at++;
  return at;
}

/** Whether the part from `start` to `end` is the encoded key; makes no string. */
function decodesTo(text: string, start: number, end: number, key: string): boolean {
  if (end - start < key.length) return false;
  let at = start;
  for (let index = 0; index < key.length; index++) {
    if (at >= end || byteAt(text, at, end) !== key.charCodeAt(index)) return false;
    at += width(text, at, end);
  }
  return at === end;
}

function decode(text: string, start: number, end: number): string {
  let plain = "";
  let from = start;
  for (let at = start; at < end; at += width(text, at, end)) {
    const byte = text.charCodeAt(at);
    if (byte !== plus && byte !== percent) continue;
    plain += text.slice(from, at) + String.fromCharCode(byteAt(text, at, end));
    from = at + width(text, at, end);
  }
  return plain + text.slice(from, end);
}

/** A percent sign without two digits behind it stands for itself. */
function byteAt(text: string, at: number, end: number): number {
  const byte = text.charCodeAt(at);
  if (byte === plus) return 0x20;
  if (width(text, at, end) === 1) return byte;
  return hexValues[text.charCodeAt(at + 1)]! * 16 + hexValues[text.charCodeAt(at + 2)]!;
}

function width(text: string, at: number, end: number): 1 | 3 {
  if (text.charCodeAt(at) !== percent || at + 2 >= end) return 1;
  const isEncoded =
    (hexValues[text.charCodeAt(at + 1)] ?? 255) < 16 && (hexValues[text.charCodeAt(at + 2)] ?? 255) < 16;
  return isEncoded ? 3 : 1;
}
