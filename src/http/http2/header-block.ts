import { type Field, pseudo } from "./hpack/field.ts";

/** Limits of a header block. Beyond them the block is still decoded, and further fields are forgotten. */
export interface BlockLimits {
  /** Of all fields as RFC 9113 section 10.5.1 counts them: 32 more than name and value have, in bytes. */
  readonly size: number;
  /** At most 256. */
  readonly fields: number;
  /** The treatment of names with an underscore, which some programs read as a hyphen. */
  readonly underscores: "drop" | "refuse" | "pass";
}

/** The fields of one block, and what is wrong with them as such (RFC 9113 sections 8.2 and 8.3). */
export class HeaderBlock {
  readonly fields: Field[] = [];
  /** By what they are, see `pseudo`; undefined: not there. */
  readonly pseudo: (string | undefined)[] = [];
  malformed = false;
  tooLarge = false;
  /** There is a field that is to be refused for its name. */
  underscored = false;
  hasPseudo = false;
  readonly #limits: BlockLimits;
  #size = 0;
  #count = 0;
  #pseudoOver = false;

  constructor(limits: BlockLimits) {
    this.#limits = limits;
  }

  add(field: Field): void {
    this.#size += field.size;
    this.#count++;
    if (this.#size > this.#limits.size || this.#count > this.#limits.fields) this.tooLarge = true;
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
    } else this.fields.push(field);
  }
}
