import { fieldNames } from "../field-names.ts";
import { mostFields } from "../span-fields.ts";
import { type Field, pseudo } from "./hpack/field.ts";

/** Limits of a header block. Beyond them the block is still decoded, and further fields are forgotten. */
export interface BlockLimits {
  /** Of all fields as RFC 9113 section 10.5.1 counts them: 32 more than name and value have, in bytes. */
  readonly size: number;
  /** At most 256, whatever is set. */
  readonly fields: number;
  /** The treatment of names with an underscore, which some programs read as a hyphen. */
  readonly underscores: "drop" | "refuse" | "pass";
}

const none: readonly Field[] = [];
const noLimits: BlockLimits = { size: 0, fields: 0, underscores: "refuse" };

/**
 * The fields of one block, and what is wrong with them as such (RFC 9113 sections 8.2 and 8.3). A thread
 * needs one for all the blocks that it reads, one after the other; only {@link HeaderBlock.fields} stay.
 */
export class HeaderBlock {
  /** Once the block is complete. */
  fields: readonly Field[] = none;
  /** By what they are, see `pseudo`; undefined: not there. */
  readonly pseudo: (string | undefined)[] = new Array<string | undefined>(pseudo.unknown + 1).fill(undefined);
  malformed = false;
  tooLarge = false;
  /** There is a field that is to be refused for its name. */
  underscored = false;
  hasPseudo = false;
  #limits: BlockLimits = noLimits;
  #most = 0;
  #size = 0;
  #count = 0;
  #pseudoOver = false;
  /** By id: how many fields of that name there are. */
  readonly #counts = new Uint16Array(fieldNames.length);
  /** The fields so far, and what is left of those of other blocks behind them. */
  readonly #found: Field[] = [];
  #length = 0;

  begin(limits: BlockLimits): void {
    this.#limits = limits;
    this.#most = Math.min(limits.fields, mostFields);
    for (let at = 0; at < this.#length; at++) this.#counts[this.#found[at]!.id] = 0;
    this.fields = none;
    this.pseudo.fill(undefined);
    this.malformed = this.tooLarge = this.underscored = this.hasPseudo = this.#pseudoOver = false;
    this.#size = this.#count = this.#length = 0;
  }

  /** It is complete. */
  end(): void {
    this.fields = this.#found.slice(0, this.#length);
  }

  /** @returns how many fields of a known name there are. @param id as in `field-names.ts`, not 0. */
  count(id: number): number {
    return this.#counts[id]!;
  }

  /** @returns the value of the field with that id; undefined where there is none, {@link several} where there are more. */
  only(id: number): string | undefined {
    const count = this.#counts[id]!;
    if (count === 0) return undefined;
    return count > 1 ? several : this.fields.find((field) => field.id === id)!.value;
  }

  add(field: Field): void {
    this.#size += field.size;
    this.#count++;
    if (this.#size > this.#limits.size || this.#count > this.#most) this.tooLarge = true;
    if (!field.valid) this.malformed = true;
    if (field.pseudo !== pseudo.none) this.#addPseudo(field);
    else {
      this.#pseudoOver = true;
      if (!this.tooLarge) this.#addField(field);
    }
  }

  /** It comes before all other fields, and once (RFC 9113 section 8.3). */
  #addPseudo({ pseudo: kind, value }: Field): void {
    if (this.#pseudoOver || this.pseudo[kind] !== undefined) this.malformed = true;
    this.hasPseudo = true;
    this.pseudo[kind] = value;
  }

  #addField(field: Field): void {
    const { underscores } = this.#limits;
    if (field.id === 0 && underscores !== "pass" && field.name.includes("_")) {
      if (underscores === "refuse") this.underscored = true;
    } else {
      this.#found[this.#length++] = field;
      this.#counts[field.id]!++;
    }
  }
}

/** A text that no value is. */
export const several = "\n";
