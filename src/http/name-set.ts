import { fieldIdOf, fieldNames } from "./field-names.ts";
import type { Fields } from "./message.ts";

/** A set of field names, made once, that finds its members among the fields of a message without making strings. */
export class NameSet {
  /** By id: 1 for a known name in the set. */
  readonly #ids = new Uint8Array(fieldNames.length);
  readonly #others: readonly string[];
  readonly #prefixes: readonly string[];

  /** @param names in lower case; one that ends in `*` stands for all names that begin so. */
  constructor(names: Iterable<string>) {
    const all = [...names];
    this.#prefixes = all.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
    this.#others = all.filter((name) => !name.endsWith("*") && fieldIdOf(name) === 0);
    for (const name of all) if (fieldIdOf(name) > 0) this.#ids[fieldIdOf(name)] = 1;
    for (const [id, name] of fieldNames.entries())
      if (this.#prefixes.some((prefix) => id > 0 && name.startsWith(prefix))) this.#ids[id] = 1;
  }

  /** @param lower in lower case. */
  has(lower: string): boolean {
    return this.hasKnown(fieldIdOf(lower), lower);
  }

  /** @param id of the name, which is in lower case. */
  hasKnown(id: number, lower: string): boolean {
    if (id > 0) return this.#ids[id] === 1;
    return this.#others.includes(lower) || this.#prefixes.some((prefix) => lower.startsWith(prefix));
  }

  hasField(fields: Fields, index: number): boolean {
    const id = fields.id(index);
    if (id > 0) return this.#ids[id] === 1;
    for (const name of this.#others) if (fields.isNamed(index, name)) return true;
    for (const prefix of this.#prefixes) if (fields.beginsWith(index, prefix)) return true;
    return false;
  }

  /** Sets `marks` to 1 at the index of each field that is in the set, and leaves the other ones. */
  mark(fields: Fields, marks: Uint8Array): void {
    for (let index = 0; index < fields.count; index++)
      if (marks[index] === 0 && this.hasField(fields, index)) marks[index] = 1;
  }
}
