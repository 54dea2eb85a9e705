import { hasToken, isWord, readDecimal } from "./bytes.ts";
import type { Detail } from "./fault.ts";
import { fieldIds } from "./field-names.ts";
import { type Fields, unknownLength } from "./message.ts";

/** How a message of HTTP/1 ends, and whether its connection may be used again after it. Read it before the next call. */
export const framing = {
  /** Of the body, in bytes, or {@link unknownLength}: then it is chunked, or ends with the connection. */
  length: 0,
  chunked: false,
  /** The connection stays (RFC 9112 section 9.3). */
  persists: true,
};

const { connection, "content-length": contentLength, "transfer-encoding": transferEncoding } = fieldIds;

/**
 * How long a request's body is (RFC 9112 section 6.3), more strictly than that: what two programs could read in two ways
 * is refused.
 * @param minor of HTTP/1.x.
 * @returns what is wrong, else undefined; then {@link framing} has the result.
 */
export function frameRequest(fields: Fields, minor: number): Detail | undefined {
  return frame(fields, minor, 0);
}

/**
 * How long a response's body is. Where it says nothing, the body ends with the connection.
 * @param method of the request that it answers.
 * @returns as {@link frameRequest}.
 */
export function frameResponse(
  fields: Fields,
  minor: number,
  status: number,
  method: string,
): Detail | undefined {
  const bodiless = method === "HEAD" || isBodiless(status);
  const detail = frame(fields, minor, bodiless ? 0 : unknownLength);
  if (bodiless) {
    framing.length = 0;
    framing.chunked = false;
  } else if (framing.length === unknownLength && !framing.chunked) framing.persists = false;
  return detail;
}

/** Whether a response with this status has no body, whatever was asked and its fields say (RFC 9112 section 6.3). */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** @param otherwise the length of a message that says nothing about it. */
function frame(fields: Fields, minor: number, otherwise: number): Detail | undefined {
  const [length, coding] = [fields.find(contentLength), fields.find(transferEncoding)];
  framing.length = otherwise;
  framing.chunked = false;
  framing.persists = persists(fields, minor);
  if (length >= 0) {
    if (coding >= 0) return "cl_te";
    if (fields.find(contentLength, length + 1) >= 0) return "cl_twice";
    framing.length = readDecimal(fields.value(length));
    return framing.length < 0 ? "bad_content_length" : undefined;
  }
  if (coding < 0) return undefined;
  if (minor === 0) return "te_http10";
  const value = fields.value(coding);
  if (fields.find(transferEncoding, coding + 1) >= 0) return "te_twice";
  if (!isWord(value, 0, value.length, "chunked")) return "te_unknown";
  framing.length = unknownLength;
  framing.chunked = true;
  return undefined;
}

function persists(fields: Fields, minor: number): boolean {
  if (fields.find(connection) < 0) return minor > 0;
  return (minor > 0 || connectionHas(fields, "keep-alive")) && !connectionHas(fields, "close");
}

/** Whether a `Connection` field lists that option (RFC 9110 section 7.6.1). @param lower in lower case. */
export function connectionHas(fields: Fields, lower: string): boolean {
  return listHas(fields, connection, lower);
}

/** Whether a field with this id lists that token. @param lower in lower case. */
export function listHas(fields: Fields, id: number, lower: string): boolean {
  for (let index = fields.find(id); index >= 0; index = fields.find(id, index + 1))
    if (hasToken(fields.value(index), lower)) return true;
  return false;
}
