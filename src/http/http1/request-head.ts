import { fieldIds } from "../field-names.ts";
import { markDropped } from "../hop-by-hop.ts";
import { type Fields, type HeadEdits, type RequestHead, unknownLength } from "../message.ts";

const { "content-length": contentLength, cookie, host } = fieldIds;

/**
 * The head of a request to a backend, as HTTP/1.1: the client's fields in their order without those that are for one hop
 * alone, its framing written anew, and the added fields. It holds only what passed the scanner or was written here.
 * @param head with the path, query and authority that the backend gets. A client of HTTP/1.0 may have sent no authority;
 * the backend must get one.
 * @param edits whose `dropped` is changed here; without them nothing is dropped but what is for one hop.
 * @returns a character per byte (Latin-1).
 */
export function requestText(head: RequestHead, edits: HeadEdits | undefined): string {
  const { authority, fields, method, path, query } = head;
  const marks = edits?.dropped ?? markDropped(fields, []);
  markAll(fields, host, marks);
  markAll(fields, contentLength, marks);
  const cookies = joinCookies(fields, marks);
  const lines = fields.linesExcept(marks) + cookies + (edits?.lines ?? "");
  const start = `${method} ${path}${query} HTTP/1.1\r\nhost: ${authority}\r\n`;
  return `${start}${lines}${framingOf(head)}${connectionOf(head)}\r\n`;
}

function markAll(fields: Fields, id: number, marks: Uint8Array): void {
  for (let at = fields.find(id); at >= 0; at = fields.find(id, at + 1)) marks[at] = 1;
}

/** Backends that read the first Cookie field alone must find all cookies in it (RFC 9113 section 8.2.3). */
function joinCookies(fields: Fields, marks: Uint8Array): string {
  const first = fields.find(cookie);
  if (first < 0 || fields.find(cookie, first + 1) < 0) return "";
  let line = "";
  for (let at = first; at >= 0; at = fields.find(cookie, at + 1)) {
    if (marks[at] === 0) line += line === "" ? `cookie: ${fields.value(at)}` : `; ${fields.value(at)}`;
    marks[at] = 1;
  }
  return line === "" ? "" : `${line}\r\n`;
}

function framingOf({ length, method, upgrade }: RequestHead): string {
  // The tunnel's bytes are no body.
  if (upgrade !== "") return "";
  if (length === unknownLength) return "transfer-encoding: chunked\r\n";
  if (length > 0) return `content-length: ${length}\r\n`;
  // RFC 9110 section 8.6: where a body is usual, its absence is said.
  const isUsual = method === "POST" || method === "PUT" || method === "PATCH";
  return isUsual ? "content-length: 0\r\n" : "";
}

function connectionOf({ takesTrailers, upgrade }: RequestHead): string {
  if (upgrade === "") return takesTrailers ? "te: trailers\r\nconnection: te\r\n" : "";
  const lines = `upgrade: ${upgrade}\r\nconnection: upgrade`;
  return takesTrailers ? `te: trailers\r\n${lines}, te\r\n` : `${lines}\r\n`;
}
