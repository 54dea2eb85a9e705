const [quote, backslash, space, tilde, zero, point] = [0x22, 0x5c, 0x20, 0x7e, 0x30, 0x2e];

/** Bytes that are kept between two lines. */
const usual = 4_096;
/** Most bytes of a character in UTF-8, for each of its units in UTF-16. */
const mostPerUnit = 3;
/** Whole numbers from here on are written by way of a text. */
const long = 1_000_000_000;

/**
 * A line on its way to be bytes: put together of its parts, without a text in between. A line of many parts costs half of
 * what it costs as a text, and leaves nothing for the collector of garbage.
 */
export class LineBytes {
  bytes = Buffer.allocUnsafeSlow(usual);
  /** Of the line so far. */
  length = 0;

  /** Begins the next line. */
  clear(): void {
    if (this.bytes.length > usual) this.bytes = Buffer.allocUnsafeSlow(usual);
    this.length = 0;
  }

  /** @returns all of the line, as long as the next one has not begun. */
  get line(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** A part that is always the same. */
  known(part: Uint8Array): void {
    this.#need(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }

  /** Any text, in UTF-8. */
  text(text: string): void {
    this.#need(text.length * mostPerUnit);
    this.length += this.bytes.write(text, this.length);
  }

  /** A text as it stands between the quotes of a string of JSON. */
  escaped(text: string): void {
    this.#need(text.length);
    const { bytes } = this;
    let to = this.length;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code < space || code > tilde || code === quote || code === backslash) {
        this.text(JSON.stringify(text).slice(1, -1));
        return;
      }
      bytes[to++] = code;
    }
    this.length = to;
  }

  /** @param value whole, at least 0. */
  number(value: number): void {
    if (value >= long || value < 0) {
      this.text(String(value));
      return;
    }
    let digits = 1;
    for (let most = 10; value >= most; most *= 10) digits++;
    this.#need(digits);
    this.#digits(value, digits);
  }

  /** @param time at least 0, in milliseconds; at most three decimals are written: more is noise. */
  milliseconds(time: number): void {
    const micros = Math.round(time * 1_000);
    const rest = micros % 1_000;
    this.number((micros - rest) / 1_000);
    if (rest === 0) return;
    this.#need(4);
    this.bytes[this.length++] = point;
    if (rest % 100 === 0) this.#digits(rest / 100, 1);
    else if (rest % 10 === 0) this.#digits(rest / 10, 2);
    else this.#digits(rest, 3);
  }

  #digits(value: number, digits: number): void {
    const end = this.length + digits;
    let left = value;
    for (let at = end - 1; at >= this.length; at--) {
      const next = Math.floor(left / 10);
      this.bytes[at] = zero + left - next * 10;
      left = next;
    }
    this.length = end;
  }

  #need(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * needed);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

/** Parts that are kept at most of one kind. */
const mostKnown = 1_000;

/** Parts of lines that are made of a few names again and again, such as those of listeners and backends: each is kept. */
export class KnownParts {
  readonly #make: (name: string) => string;
  readonly #known = new Map<string, Buffer>();

  constructor(make: (name: string) => string) {
    this.#make = make;
  }

  of(name: string): Buffer {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size === mostKnown) this.#known.clear();
    const made = Buffer.from(this.#make(name));
    this.#known.set(name, made);
    return made;
  }
}
