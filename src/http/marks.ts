import type { Fields } from "./message.ts";
import { mostFields } from "./span-fields.ts";

/** Which fields of a message are left out, for one message after the other. */
export class Marks {
  #marks = new Uint8Array(mostFields);

  /**
   * @returns one mark for each field at least, all of them 0; to be used before the next call. A message may have more
   * fields than any peer may send: umay adds some.
   */
  of({ count }: Fields): Uint8Array {
    if (count > this.#marks.length) this.#marks = new Uint8Array(count);
    // Few: a loop is done before `fill` has begun.
    for (let index = 0; index < count; index++) this.#marks[index] = 0;
    return this.#marks;
  }
}
