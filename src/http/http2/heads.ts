import { fieldIds } from "../field-names.ts";
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
import { Encoder } from "./hpack/encoder.ts";

/** Makes the header blocks of one connection. Each must be sent, in the order in which they are made. */
export class Heads {
  readonly encoder = new Encoder();

  /** A request for a tunnel becomes an extended CONNECT (RFC 8441 section 4). */
  request(head: RequestHead, edits: HeadEdits | undefined): Buffer {
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
  response(status: number, { fields, length }: ResponseHead, edits: HeadEdits | undefined): Buffer {
    this.encoder.begin();
    this.encoder.add(":status", String(status));
    this.#fields(fields, edits, status < 200 || status === 204 ? undefined : length, false);
    this.#lines(edits?.lines);
    return this.encoder.end();
  }

  trailers(fields: Fields): Buffer {
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
      else this.encoder.add(fields.name(index), fields.value(index));
    }
    this.#length(said, length);
  }

  /** The number that is known, rather than the text that came; where no body follows, that is about another body. */
  #length(said: string | undefined, length: number | undefined): void {
    if (length === undefined || length === unknownLength) return;
    const text = length > 0 ? String(length) : said;
    if (text !== undefined) this.encoder.add("content-length", text);
  }

  #lines(lines: string | undefined): void {
    if (lines === undefined) return;
    for (let at = 0; at < lines.length; ) {
      const colon = lines.indexOf(": ", at);
      const end = lines.indexOf("\r\n", colon);
      this.encoder.add(lines.slice(at, colon), lines.slice(colon + 2, end));
      at = end + 2;
    }
  }
}
