import { fieldIdOf, fieldIds } from "../field-names.ts";
import { markDropped } from "../hop-by-hop.ts";
import { notInTrailers } from "../http1/reframe.ts";
import {
  type Fields,
  type HeadEdits,
  type RequestHead,
  type ResponseHead,
  unknownLength,
} from "../message.ts";
import { FieldList } from "./field-list.ts";
import { type EncodedBlock, Encoder } from "./hpack/encoder.ts";
import { type Field, fieldOf } from "./hpack/field.ts";

/** Makes the header blocks of one connection. Each must be sent, in the order in which they are made. */
export class Heads {
  readonly encoder = new Encoder();

  /** A request for a tunnel becomes an extended CONNECT (RFC 8441 section 4). */
  request(head: RequestHead, edits: HeadEdits | undefined): EncodedBlock {
    const { encoder } = this;
    const isTunnel = head.upgrade !== "";
    encoder.begin();
    encoder.add(":method", isTunnel ? "CONNECT" : head.method);
    if (isTunnel) encoder.add(":protocol", head.upgrade);
    encoder.add(":scheme", head.scheme);
    encoder.add(":authority", head.authority);
    encoder.add(":path", head.path + head.query);
    this.#fields(head.fields, edits, isTunnel ? undefined : head.length, true);
    if (head.takesTrailers) encoder.add("te", "trailers");
    this.#lines(edits?.lines);
    return encoder.end();
  }

  /** @param status 100 to 999. */
  response(status: number, { fields, length }: ResponseHead, edits: HeadEdits | undefined): EncodedBlock {
    this.encoder.begin();
    this.encoder.addField(statusField(status));
    this.#fields(fields, edits, status < 200 || status === 204 ? undefined : length, false);
    this.#lines(edits?.lines);
    return this.encoder.end();
  }

  trailers(fields: Fields): EncodedBlock {
    const marks = new Uint8Array(fields.count);
    notInTrailers.mark(fields, marks);
    this.encoder.begin();
    for (let index = 0; index < fields.count; index++)
      if (marks[index] === 0) this.encoder.add(fields.name(index), fields.value(index));
    return this.encoder.end();
  }

  /**
   * Fields for one hop do not exist in HTTP/2 (RFC 9113 section 8.2.2).
   * @param length of the body, which Content-Length is to say; undefined: there is none to speak of.
   */
  #fields(
    fields: Fields,
    edits: HeadEdits | undefined,
    length: number | undefined,
    isRequest: boolean,
  ): void {
    const dropped = edits?.dropped ?? markDropped(fields, []);
    const list = fields instanceof FieldList ? fields.fields : undefined;
    let said: string | undefined;
    for (let index = 0; index < fields.count; index++) {
      const id = fields.id(index);
      if (dropped[index] !== 0 || (isRequest && id === fieldIds.host)) continue;
      if (id === fieldIds["content-length"]) said = fields.value(index);
      else if (list !== undefined) this.encoder.addField(list[index]!);
      else this.encoder.add(fields.name(index), fields.value(index), id);
    }
    this.#length(said, length);
  }

  /** The number that is known, rather than the text that came; where no body follows, that is about another body. */
  #length(said: string | undefined, length: number | undefined): void {
    if (length === undefined || length === unknownLength) return;
    const text = length > 0 ? String(length) : said;
    if (text !== undefined) this.encoder.add("content-length", text, fieldIds["content-length"]);
  }

  #lines(lines: string | undefined): void {
    if (lines === undefined) return;
    for (let at = 0, line = 0; at < lines.length; line++) {
      const { start, name, id } = nameAt(lines, at, line);
      const from = at + start.length;
      const end = lines.indexOf("\r\n", from);
      this.encoder.add(name, lines.slice(from, end), id);
      at = end + 2;
    }
  }
}

interface LineName {
  /** With the colon and the blank behind it. */
  readonly start: string;
  readonly name: string;
  readonly id: number;
}

/** The names of the lines that were written last: those that are added to one head are mostly those of the one before. */
const lastNames: LineName[] = [];

/** The name of the line that begins at a place. @param line its number. */
function nameAt(lines: string, at: number, line: number): LineName {
  const last = lastNames[line];
  if (last !== undefined && lines.startsWith(last.start, at)) return last;
  const name = lines.slice(at, lines.indexOf(": ", at));
  const found = { start: `${name}: `, name, id: fieldIdOf(name) };
  lastNames[line] = found;
  return found;
}

const statusFields: (Field | undefined)[] = [];

/** @param status 100 to 999. */
function statusField(status: number): Field {
  statusFields[status] ??= fieldOf(":status", String(status));
  return statusFields[status];
}
