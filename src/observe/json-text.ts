/*
 * Parts of lines of JSON, for lines of which there are very many: `JSON.stringify` takes three times as long for a line
 * that is put together of few objects.
 */

const [quote, backslash, firstPrintable, lastPlain] = [0x22, 0x5c, 0x20, 0x7e];

/** @returns the text as it stands between the quotes of a string of JSON. */
export function escaped(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < firstPrintable || code > lastPlain || code === quote || code === backslash)
      return JSON.stringify(text).slice(1, -1);
  }
  return text;
}

/** By the thousandths: what stands behind the whole number. */
const fractions = Array.from({ length: 1_000 }, (_, rest) => String(rest / 1_000).slice(1));

/** @param time at least 0, in milliseconds. @returns it as a number with at most three decimals: more is noise. */
export function milliseconds(time: number): string {
  const micros = Math.round(time * 1_000);
  const rest = micros % 1_000;
  return `${(micros - rest) / 1_000}${fractions[rest]}`;
}

const clock = { ms: 0, text: "" };

/** @returns the present time, as in `Date.toISOString`. Lines of one millisecond share the text. */
export function timeNow(): string {
  const now = Date.now();
  if (now !== clock.ms) {
    clock.ms = now;
    clock.text = new Date(now).toISOString();
  }
  return clock.text;
}

/** Texts that are kept at most of one kind. */
const mostKnown = 1_000;

/** Texts that are made of a few names again and again, such as those of listeners and backends: each is kept. */
export class KnownTexts {
  readonly #make: (name: string) => string;
  readonly #known = new Map<string, string>();

  constructor(make: (name: string) => string) {
    this.#make = make;
  }

  of(name: string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size === mostKnown) this.#known.clear();
    const made = this.#make(name);
    this.#known.set(name, made);
    return made;
  }
}
