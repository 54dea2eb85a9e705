import { Marks } from "../marks.ts";
import type { Fields } from "../message.ts";
import { NameSet } from "../name-set.ts";

/** The text before a part of a body in its chunk (RFC 9112 section 7.1). {@link chunkEnd} goes behind it. */
export const chunkStart = (size: number): string => `${size.toString(16)}\r\n`;
export const chunkEnd = "\r\n";
/** The end of a body without trailers. */
export const lastChunk = "0\r\n\r\n";

/** Fields that must not come after a head: who reads them there has already acted (RFC 9110 section 6.5.1). */
export const notInTrailers = new NameSet([
  "authorization",
  "cache-control",
  "connection",
  "content-*",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "location",
  "proxy-*",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-*",
]);
const dropped = new Marks();

/** The end of a body in chunks, with the trailers that may stand there. */
export function lastChunkWith(trailers: Fields): string {
  const marks = dropped.of(trailers);
  notInTrailers.mark(trailers, marks);
  return `0\r\n${trailers.linesExcept(marks)}\r\n`;
}

/** The place of the result of {@link wrap}; read it before the next call. */
export const wrapped = { start: 0, end: 0 };

/**
 * Writes texts directly before and behind a part of a body, in the buffer that the part stands in, so that all of it
 * leaves in one write. It overwrites whatever was there.
 * @param before and `after` have a character per byte.
 * @returns false where the buffer has no room for them; then it is unchanged.
 */
export function wrap(bytes: Buffer, start: number, end: number, before: string, after: string): boolean {
  if (start < before.length || bytes.length - end < after.length) return false;
  wrapped.start = start - before.length;
  wrapped.end = end + after.length;
  if (before !== "") bytes.write(before, wrapped.start, "latin1");
  if (after !== "") bytes.write(after, end, "latin1");
  return true;
}
