import { beginsWithWord, isWord } from "./bytes.ts";
import { fieldNames } from "./field-names.ts";
import type { Fields } from "./message.ts";

/** Of one field: where its name, its value and its line begin and end, and the id of its name. */
const [nameStart, nameEnd, valueStart, valueEnd, lineEnd, fieldIdAt, stride] = [0, 1, 2, 3, 4, 5, 6];

/** The most fields that a head of a peer may have, or its trailers. */
export const mostFields = 256;

/** Fields as the places in a text where they stand: reading a head makes no object per field. */
export class SpanFields implements Fields {
  count = 0;
  /** The head or the trailers, a character per byte. Places count from its begin. */
  text = "";
  // Plain arrays of small integers: a copy of them is made for every request, and one of a typed array is dear.
  readonly #spans: number[];
  /** By id: the index of the first field of that name, and one more. Undefined: a copy, which is asked seldom. */
  readonly #first: Uint16Array | undefined;

  private constructor(spans: number[], first: Uint16Array | undefined) {
    this.#spans = spans;
    this.#first = first;
  }

  /** For the fields of any message, one after the other. */
  static create(): SpanFields {
    return new SpanFields(new Array<number>(mostFields * stride).fill(0), new Uint16Array(fieldNames.length));
  }

  clear(): void {
    if (this.#first !== undefined)
      for (let index = 0; index < this.count; index++) this.#first[this.id(index)] = 0;
    this.count = 0;
  }

  /** Begins the next field; {@link setValue} completes it. */
  setName(start: number, end: number, id: number): void {
    const at = this.count * stride;
    this.#spans[at] = start;
    this.#spans[at + nameEnd] = end;
    this.#spans[at + fieldIdAt] = id;
  }

  setValue(start: number, end: number, line: number): void {
    const at = this.count * stride;
    this.#spans[at + valueStart] = start;
    this.#spans[at + valueEnd] = end;
    this.#spans[at + lineEnd] = line;
    const id = this.#spans[at + fieldIdAt]!;
    this.count++;
    if (this.#first?.[id] === 0) this.#first[id] = this.count;
  }

  id(index: number): number {
    return this.#spans[index * stride + fieldIdAt]!;
  }

  name(index: number): string {
    const at = index * stride;
    const id = this.#spans[at + fieldIdAt]!;
    if (id > 0) return fieldNames[id]!;
    return this.text.slice(this.#spans[at + nameStart], this.#spans[at + nameEnd]).toLowerCase();
  }

  isNamed(index: number, lower: string): boolean {
    const at = index * stride;
    return isWord(this.text, this.#spans[at + nameStart]!, this.#spans[at + nameEnd]!, lower);
  }

  beginsWith(index: number, lower: string): boolean {
    const at = index * stride;
    return beginsWithWord(this.text, this.#spans[at + nameStart]!, this.#spans[at + nameEnd]!, lower);
  }

  value(index: number): string {
    const at = index * stride;
    return this.text.slice(this.#spans[at + valueStart], this.#spans[at + valueEnd]);
  }

  find(id: number, from = 0): number {
    const first = this.#first === undefined ? 0 : this.#first[id]! - 1;
    if (first < 0) return first;
    for (let index = Math.max(first, from); index < this.count; index++)
      if (this.id(index) === id) return index;
    return -1;
  }

  findName(lower: string, from = 0): number {
    for (let index = from; index < this.count; index++) if (this.isNamed(index, lower)) return index;
    return -1;
  }

  linesExcept(dropped: Uint8Array): string {
    let lines = "";
    let [start, end] = [0, 0];
    for (let index = 0; index < this.count; index++) {
      if (dropped[index] !== 0) continue;
      const at = index * stride;
      if (this.#spans[at + nameStart] !== end) {
        lines += this.text.slice(start, end);
        start = this.#spans[at + nameStart]!;
      }
      end = this.#spans[at + lineEnd]!;
    }
    return lines + this.text.slice(start, end);
  }

  retain(): Fields {
    const copy = new SpanFields(this.#spans.slice(0, this.count * stride), undefined);
    copy.count = this.count;
    copy.text = this.text;
    return copy;
  }
}
