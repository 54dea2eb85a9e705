import { fieldIdOf } from "../../field-names.ts";
import { NameSet } from "../../name-set.ts";
import { firstTable } from "./decoder.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { Field, fieldOf, sameField } from "./field.ts";
import { staticCount, staticNameIndex } from "./static-table.ts";
import { writeInteger, writePlain, writeString } from "./string.ts";

/** The most that a table is given, whatever the peer offers, in bytes. */
const mostTable = 4096;

/** Values that hardly ever come again would push out those that do. */
const passing = new NameSet([
  ":path",
  "age",
  "content-length",
  "content-range",
  "etag",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "retry-after",
  "traceparent",
  "x-request-id",
]);

/** The most that a field has besides its strings, in bytes: three integers. */
const fieldOverhead = 18;

/** The block that is being made. It is used up before the next one of the thread begins. */
let block: Buffer = Buffer.allocUnsafeSlow(8192);

/** A header block: so many bytes, from the begin of the buffer on. */
export interface EncodedBlock {
  readonly bytes: Buffer;
  readonly length: number;
}

/** The one object, so that nothing is allocated per block. */
const made = { bytes: block, length: 0 };

/** Makes the header blocks of one connection (RFC 7541); each must be sent, in this order. */
export class Encoder {
  readonly #table: DynamicTable;
  /** The number that a field was put into the table with, and the newest one of each name. */
  readonly #numbers = new Map<Field, number>();
  /** The same by the id of their names: the field that was put in last, and its number. */
  readonly #newest: (Field | undefined)[] = [];
  readonly #newestNumbers: number[] = [];
  readonly #names = new Map<string, number>();
  /** The smallest size of the table since the last block, where the peer is to be told of it and of the present one. */
  #smallest: number | undefined;
  #length = 0;

  constructor() {
    this.#table = new DynamicTable(firstTable, (field, number) => this.#forget(field, number));
  }

  /** Of the dynamic table, as RFC 7541 section 4.1 counts, in bytes. */
  get tableSize(): number {
    return this.#table.size;
  }

  /** The peer keeps at most so many bytes (SETTINGS_HEADER_TABLE_SIZE). */
  limitTable(limit: number): void {
    const most = Math.min(limit, mostTable);
    if (most === this.#table.most && this.#smallest === undefined) return;
    this.#smallest = Math.min(this.#smallest ?? most, most);
    this.#table.resize(most);
  }

  begin(): void {
    this.#length = 0;
    if (this.#smallest === undefined) return;
    const { most } = this.#table;
    if (this.#smallest < most) this.#length = writeInteger(block, 0, 0x20, 5, this.#smallest);
    this.#length = writeInteger(block, this.#length, 0x20, 5, most);
    this.#smallest = undefined;
  }

  /** @param name in lower case. @param value a character per byte. @param id of the name, as in `field-names.ts`. */
  add(name: string, value: string, id: number = fieldIdOf(name)): void {
    if (passing.hasKnown(id, name)) this.#addPassing(name, value);
    else this.addField(id === 0 ? fieldOf(name, value) : sameField(id, name, value));
  }

  /**
   * Looked up nowhere and kept nowhere, because the next value is another one; only a name that the static table does not
   * have is put into the table, with this value. Written as it is: Huffman's code would take longer than its bytes are
   * worth.
   */
  #addPassing(name: string, value: string): void {
    const nameIndex = staticNameIndex(name);
    const number = nameIndex > 0 ? 0 : (this.#names.get(name) ?? 0);
    this.#reserve(name, value);
    if (nameIndex === 0 && number === 0) {
      const field = new Field(name, value, "plain");
      this.#literal(field, 0x40, 6);
      this.#insert(field);
      return;
    }
    const index = nameIndex > 0 ? nameIndex : this.#indexOf(number);
    this.#length = writePlain(value, block, writeInteger(block, this.#length, 0, 4, index));
  }

  addField(field: Field): void {
    const number = field.staticIndex > 0 ? 0 : this.#numberOf(field);
    const index = number > 0 ? this.#indexOf(number) : field.staticIndex;
    this.#reserve(field.name, field.value);
    if (index > 0) this.#length = writeInteger(block, this.#length, 0x80, 7, index);
    else if (field.secret) this.#literal(field, 0x10, 4);
    else if (!field.interned || passing.hasKnown(field.id, field.name)) this.#literal(field, 0, 4);
    else {
      this.#literal(field, 0x40, 6);
      this.#insert(field);
    }
  }

  /** @returns the block; valid until the thread begins another one. */
  end(): EncodedBlock {
    made.bytes = block;
    made.length = this.#length;
    return made;
  }

  /** @returns 0 where it is not in the table. */
  #numberOf(field: Field): number {
    if (field.id > 0 && this.#newest[field.id] === field) return this.#newestNumbers[field.id]!;
    return this.#numbers.get(field) ?? 0;
  }

  #indexOf(number: number): number {
    return staticCount + 1 + this.#table.inserted - number;
  }

  #literal({ name, value, nameIndex }: Field, pattern: number, prefix: number): void {
    const number = nameIndex > 0 ? 0 : (this.#names.get(name) ?? 0);
    const index = number > 0 ? this.#indexOf(number) : nameIndex;
    this.#length = writeInteger(block, this.#length, pattern, prefix, index);
    if (index === 0) this.#length = writeString(name, block, this.#length);
    this.#length = writeString(value, block, this.#length);
  }

  #insert(field: Field): void {
    if (!this.#table.insert(field)) return;
    const { id } = field;
    this.#numbers.set(field, this.#table.inserted);
    if (id > 0) {
      this.#newest[id] = field;
      this.#newestNumbers[id] = this.#table.inserted;
    }
    if (field.nameIndex === 0) this.#names.set(field.name, this.#table.inserted);
  }

  #forget(field: Field, number: number): void {
    if (this.#numbers.get(field) === number) this.#numbers.delete(field);
    if (this.#newestNumbers[field.id] === number) this.#newest[field.id] = undefined;
    if (this.#names.get(field.name) === number) this.#names.delete(field.name);
  }

  #reserve(name: string, value: string): void {
    const needed = this.#length + name.length + value.length + fieldOverhead;
    if (needed <= block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, block.length * 2));
    block.copy(larger, 0, 0, this.#length);
    block = larger;
  }
}
