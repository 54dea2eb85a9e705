/** Collects what a backend answers until it is long enough to be understood. */
export class Reply {
  readonly #most: number;
  bytes: Buffer = Buffer.alloc(0);

  /** @param most bytes that are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws Error where it gets too long. */
  add(chunk: Buffer): Buffer {
    if (this.bytes.length + chunk.length > this.#most)
      throw new Error(`the answer is longer than ${this.#most} bytes`);
    this.bytes = Buffer.concat([this.bytes, chunk]);
    return this.bytes;
  }

  /** @param length how many of the first bytes have been understood. */
  drop(length: number): void {
    this.bytes = this.bytes.subarray(length);
  }
}

/** The words of a backend, for a log line: printable, and at most 100 characters of it. */
export function quoted(bytes: Buffer): string {
  const line = bytes.toString("latin1").split(/[\r\n]/, 1)[0]!;
  return JSON.stringify(line.replace(/[^\x20-\x7e]/g, "?").slice(0, 100));
}
