import { ConnectionError, errorCode } from "../protocol.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { Field, fieldOf, staticFields } from "./field.ts";
import { readHuffman } from "./huffman.ts";
import { staticCount } from "./static-table.ts";

/** Gets the fields of a header block in their order. */
export interface FieldSink {
  add(field: Field): void;
}

/** The table's size before anything else was agreed on, in bytes (RFC 9113 section 6.5.2). */
export const firstTable = 4096;
/** Bytes behind the first one of an integer: what is read is below 2^28, more than any block has. */
const mostContinued = 4;

/** Decoded strings; the longest code makes 8 bytes of 5. It is used up before anything else is decoded. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096);

/** Reads the header blocks that the peer sends on one connection (RFC 7541), all of them and in their order. */
export class Decoder {
  readonly #table: DynamicTable;
  /** The most that the peer may make of the table. */
  #limit: number;
  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;

  constructor(limit = firstTable) {
    this.#table = new DynamicTable(limit);
    this.#limit = limit;
  }

  /** Of the dynamic table, as RFC 7541 section 4.1 counts, in bytes. */
  get tableSize(): number {
    return this.#table.size;
  }

  /** The peer knows a new SETTINGS_HEADER_TABLE_SIZE from now on. */
  limitTable(limit: number): void {
    this.#limit = limit;
  }

  /** @throws ConnectionError with COMPRESSION_ERROR. */
  decode(bytes: Buffer, start: number, end: number, into: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    while (this.#at < end && (bytes[this.#at]! & 0xe0) === 0x20) this.#resize();
    if (this.#table.most > this.#limit) fail("keeps a larger table than it may");
    while (this.#at < end) into.add(this.#field(bytes[this.#at]!));
  }

  #resize(): void {
    const size = this.#integer(5);
    if (size > this.#limit) fail("asks for a larger table than it may have");
    this.#table.resize(size);
  }

  #field(first: number): Field {
    if (first >= 0x80) return this.#indexed(this.#integer(7));
    if (first >= 0x40) {
      const field = this.#literal(6, false);
      this.#table.insert(field);
      return field;
    }
    if (first >= 0x20) fail("resizes its table behind a field");
    return this.#literal(4, first >= 0x10);
  }

  #indexed(index: number): Field {
    if (index > 0 && index <= staticCount) return staticFields[index - 1]!;
    return this.#table.at(index - staticCount) ?? fail("has an index that is not in its tables");
  }

  #literal(prefix: number, secret: boolean): Field {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    const value = this.#string();
    if (secret) return new Field(name, value, "secret");
    return prefix === 6 ? fieldOf(name, value) : new Field(name, value, "plain");
  }

  /** Section 5.1. @param prefix bits of the first byte. */
  #integer(prefix: number): number {
    const most = (1 << prefix) - 1;
    let value = this.#next() & most;
    if (value < most) return value;
    for (let count = 0; count < mostContinued; count++) {
      const byte = this.#next();
      value += (byte & 0x7f) << (7 * count);
      if (byte < 0x80) return value;
    }
    return fail("has an integer that is too large");
  }

  #next(): number {
    if (this.#at >= this.#end) fail("is cut short");
    return this.#bytes[this.#at++]!;
  }

  #string(): string {
    const coded = this.#at < this.#end && this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    if (length > this.#end - start) fail("is cut short");
    this.#at = start + length;
    if (!coded) return this.#bytes.toString("latin1", start, this.#at);
    if (scratch.length < length * 2) scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = readHuffman(this.#bytes, start, this.#at, scratch);
    return decoded < 0 ? fail("has a malformed string") : scratch.toString("latin1", 0, decoded);
  }
}

function fail(what: string): never {
  throw new ConnectionError(errorCode.compression, `a header block that ${what}`);
}
