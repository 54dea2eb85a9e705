/**
 * Looks for a text in a body as it comes, however small its pieces are: each byte is compared at most twice on average
 * (the algorithm of Knuth, Morris and Pratt), and none is kept.
 */
export class BodySearch {
  readonly #wanted: Uint8Array;
  /** For each length of a match: the length of the longest shorter match that ends in the same byte. */
  readonly #fallbacks: Uint32Array;
  readonly #mostCharacters: number;
  #matched = 0;
  #characters = 0;

  /** @param mostCharacters of the body that are searched, as UTF-16 counts them. */
  constructor(wanted: string, mostCharacters: number) {
    this.#wanted = Buffer.from(wanted);
    this.#fallbacks = fallbacksOf(this.#wanted);
    this.#mostCharacters = mostCharacters;
  }

  /** @param part of the body, in UTF-8. @returns undefined as long as neither is known. */
  add(part: Uint8Array): "found" | "missing" | undefined {
    for (let at = 0; at < part.length; at++) {
      const byte = part[at]!;
      // A character counts where it begins; one of four bytes is two in UTF-16.
      if ((byte & 0xc0) !== 0x80) this.#characters += byte >= 0xf0 ? 2 : 1;
      if (this.#characters > this.#mostCharacters) return "missing";
      while (this.#matched > 0 && this.#wanted[this.#matched] !== byte)
        this.#matched = this.#fallbacks[this.#matched - 1]!;
      if (this.#wanted[this.#matched] === byte) this.#matched++;
      if (this.#matched === this.#wanted.length) return "found";
    }
    return undefined;
  }
}

function fallbacksOf(wanted: Uint8Array): Uint32Array {
  const fallbacks = new Uint32Array(wanted.length);
  let matched = 0;
  for (let at = 1; at < wanted.length; at++) {
    while (matched > 0 && wanted[matched] !== wanted[at]) matched = fallbacks[matched - 1]!;
    if (wanted[matched] === wanted[at]) matched++;
    fallbacks[at] = matched;
  }
  return fallbacks;
}
