import { someElement } from "./bytes.ts";
import { fieldIds } from "./field-names.ts";
import { Marks } from "./marks.ts";
import type { Fields } from "./message.ts";
import { NameSet } from "./name-set.ts";

/**
 * Fields for the next hop alone (RFC 9110 section 7.6.1), which are never passed. Writers make `Connection`, `TE`,
 * `Upgrade` and `Transfer-Encoding` anew where the other side needs them. `Trailer` is none of them (section 6.6.2): some
 * servers, such as Go's, take those trailers alone that it names.
 */
const hopByHop = new NameSet([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * `Connection` may have further fields removed. These are not among them: by naming one, a client could take from a
 * request what it is judged by.
 */
const untouchable = new NameSet([
  "host",
  "authorization",
  "cookie",
  "set-cookie",
  "forwarded",
  "x-real-ip",
  "x-request-id",
  "x-forwarded-*",
  "content-*",
]);

/** More names than any program has use for: each is looked for among all fields. */
const mostNominated = 16;

/** Whether `Connection` names only what it may. */
export function isSoundConnection(fields: Fields): boolean {
  if (fields.find(connection) < 0) return true;
  let count = 0;
  return !someOption(fields, (name) => ++count > mostNominated || untouchable.has(name));
}

/** Says which fields of a message are left out: sets `marks` to 1 at their indices, and leaves the other ones. */
export interface FieldMarker {
  mark(fields: Fields, marks: Uint8Array): void;
}

const dropped = new Marks();

/**
 * Marks the fields that are not passed on: those for one hop, those that `Connection` names, and those of `also`.
 * @returns the marks, to be used before the next call.
 */
export function markDropped(fields: Fields, also: readonly FieldMarker[]): Uint8Array {
  const marks = dropped.of(fields);
  hopByHop.mark(fields, marks);
  markNominated(fields, marks);
  for (const marker of also) marker.mark(fields, marks);
  return marks;
}

function markNominated(fields: Fields, marks: Uint8Array): void {
  if (fields.find(connection) < 0) return;
  someOption(fields, (name) => {
    for (let at = fields.findName(name); at >= 0; at = fields.findName(name, at + 1)) marks[at] = 1;
    return false;
  });
}

const { connection } = fieldIds;

/** Calls back for each option of `Connection` that may be a field's name, in lower case, until a callback returns true. */
function someOption(fields: Fields, each: (name: string) => boolean): boolean {
  for (let index = fields.find(connection); index >= 0; index = fields.find(connection, index + 1)) {
    const list = fields.value(index);
    const isUsual = list === "keep-alive" || list === "close";
    if (!isUsual && someElement(list, (start, end) => each(list.slice(start, end).toLowerCase())))
      return true;
  }
  return false;
}
