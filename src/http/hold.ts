const none = Buffer.alloc(0);
const smallest = 1024;

/** Bytes of one connection that wait: the begin of a head, or requests before their turn. Idle, it has no memory. */
export class Hold {
  bytes = none;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Copies them behind the others. */
  append(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (this.start + length > this.bytes.length) this.#makeRoom(length);
    bytes.copy(this.bytes, this.end, start, end);
    this.end += end - start;
  }

  /** Bytes before `start` are used up. */
  consume(start: number): void {
    this.start = start;
    if (start === this.end) this.clear();
  }

  clear(): void {
    this.bytes = none;
    this.start = this.end = 0;
  }

  /** Doubles, so that bytes that come one at a time are copied a bounded number of times. */
  #makeRoom(length: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(smallest, 2 * length));
    this.bytes.copy(bytes, 0, this.start, this.end);
    this.bytes = bytes;
    this.end = this.length;
    this.start = 0;
  }
}
