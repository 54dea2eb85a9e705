/**
 * The length of each byte's Huffman code in bits, as a digit of base 36 (RFC 7541 appendix B). The code is canonical, so
 * it follows from the lengths.
 */
const codeLengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";

/** The needed part of the static table: names and values from index 1 on (RFC 7541 appendix A). */
const staticNames = [...Array(7).fill(""), ...Array(7).fill(":status")] as readonly string[];
const staticStatuses = ["200", "204", "206", "304", "400", "404", "500"];
const lastStatic = 61;

/** Codes with their bytes: a leading 1 and the bits of the code, as a number. */
const bytesByCode = canonicalCodes();

function canonicalCodes(): ReadonlyMap<number, number> {
  const codes = new Map<number, number>();
  let next = 0;
  for (let length = 1; length <= 30; length++) {
    next *= 2;
    for (let byte = 0; byte < 256; byte++)
      if (Number.parseInt(codeLengths[byte]!, 36) === length) codes.set(2 ** length + next++, byte);
  }
  return codes;
}

/** A string without Huffman coding (RFC 7541 section 5.2). @param text ASCII. */
export function encodeString(text: string): Buffer {
  const length: number[] = [];
  let rest = text.length;
  if (rest >= 127) {
    length.push(127);
    for (rest -= 127; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  }
  return Buffer.concat([Buffer.from([...length, rest]), Buffer.from(text, "latin1")]);
}

/**
 * Reads a header block (RFC 7541) from a peer that was told to keep no dynamic table.
 * @param wanted the names whose values are read.
 * @throws Error when it is malformed, or refers to a dynamic table.
 */
export function decodeHeaders(block: Buffer, wanted: ReadonlySet<string>): Map<string, string> {
  const reader = new Reader(block);
  const headers = new Map<string, string>();
  while (!reader.done) {
    const first = reader.peek();
    if (first >= 0x80) {
      const index = reader.index(7);
      if (index === 0) throw new Error("the header block has an index 0");
      const name = staticNames[index - 1] ?? "";
      if (wanted.has(name)) headers.set(name, staticStatuses[index - 8]!);
    } else if (first >= 0x20 && first < 0x40) {
      if (reader.integer(5) !== 0) throw new Error("the header block asks for a dynamic table");
    } else {
      const index = reader.index(first >= 0x40 ? 6 : 4);
      const name = index === 0 ? reader.string() : (staticNames[index - 1] ?? "");
      if (wanted.has(name)) headers.set(name, reader.string());
      else reader.skipString();
    }
  }
  return headers;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws where nothing is left. */
  peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error("the header block is cut short");
    return byte;
  }

  index(prefix: number): number {
    const index = this.integer(prefix);
    if (index > lastStatic) throw new Error("the header block refers to a dynamic table");
    return index;
  }

  /** Section 5.1. @param prefix bits of the first byte. */
  integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.peek() & most;
    this.#at++;
    if (value < most) return value;
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.peek();
      this.#at++;
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error("the header block has an integer that is too large");
  }

  string(): string {
    const coded = this.peek() >= 0x80;
    const bytes = this.#take();
    return coded ? decodeHuffman(bytes) : bytes.toString("latin1");
  }

  skipString(): void {
    this.#take();
  }

  #take(): Buffer {
    const length = this.integer(7);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("the header block is cut short");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

function decodeHuffman(bytes: Buffer): string {
  const text: number[] = [];
  let code = 1;
  for (const byte of bytes)
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      const found = bytesByCode.get(code);
      if (found === undefined) continue;
      text.push(found);
      code = 1;
    }
  // At most 7 bits of padding are left, all of them 1.
  if (code > 255 || (code & (code + 1)) !== 0) throw new Error("the header block has a malformed string");
  return Buffer.from(text).toString("latin1");
}
