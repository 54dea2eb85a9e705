import { fieldIdOf } from "../field-names.ts";
import type { Fields } from "../message.ts";
import type { Field } from "./hpack/field.ts";

/** Fields of a header block. They stay as they are, for as long as they are held. */
export class FieldList implements Fields {
  readonly fields: readonly Field[];

  constructor(fields: readonly Field[]) {
    this.fields = fields;
  }

  get count(): number {
    return this.fields.length;
  }

  id(index: number): number {
    return this.fields[index]!.id;
  }

  name(index: number): string {
    return this.fields[index]!.name;
  }

  isNamed(index: number, lower: string): boolean {
    return this.fields[index]!.name === lower;
  }

  beginsWith(index: number, lower: string): boolean {
    return this.fields[index]!.name.startsWith(lower);
  }

  value(index: number): string {
    return this.fields[index]!.value;
  }

  find(id: number, from = 0): number {
    for (let index = from; index < this.fields.length; index++)
      if (this.fields[index]!.id === id) return index;
    return -1;
  }

  findName(lower: string, from = 0): number {
    const id = fieldIdOf(lower);
    if (id > 0) return this.find(id, from);
    for (let index = from; index < this.fields.length; index++)
      if (this.fields[index]!.name === lower) return index;
    return -1;
  }

  linesExcept(dropped: Uint8Array): string {
    let lines = "";
    for (let index = 0; index < this.fields.length; index++)
      if ((dropped[index] ?? 0) === 0) lines += this.fields[index]!.line;
    return lines;
  }

  retain(): Fields {
    return this;
  }
}
