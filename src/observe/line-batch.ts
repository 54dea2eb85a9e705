/** A batch is sent when it has no room for another line, in bytes, */
const batchLength = 64 * 1024;
/** or this many milliseconds after its first line. */
const batchDelay = 50;
/** Lines that are due at most. */
const mostDue = 64;
/** Most bytes of a character in UTF-8, for each of its units in UTF-16. */
const mostPerUnit = 3;

/** A line with its newline; as bytes, it is valid until the next one is made. */
export type Line = string | Buffer;

/** Makes the line of something that has happened, and changes no more. */
export type Format<T> = (what: T) => Line;

/**
 * Lines on their way from a worker to the main thread, which alone writes: a message for many of them. They wait as
 * bytes: as texts put together of many, they would be copied by each collection of garbage, and once more for the message.
 */
export class LineBatch {
  readonly #send: (lines: Uint8Array<ArrayBuffer>) => void;
  #bytes: Buffer<ArrayBuffer> | undefined;
  #length = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Those whose line is not made yet, in places that are there already, and what makes it. */
  readonly #due: unknown[] = Array.from({ length: mostDue }, () => undefined);
  #dueCount = 0;
  /** Made once: a function that closes over anything costs each line. */
  readonly #flushLater = (): void => this.flush();
  #format: Format<never> | undefined;

  /** @param send gets whole lines in UTF-8, and the memory that they are in. */
  constructor(send: (lines: Uint8Array<ArrayBuffer>) => void) {
    this.#send = send;
  }

  add(line: Line): void {
    this.#makeDue();
    this.#put(line);
  }

  /**
   * Adds the line of this, which is made together with others: one after the other, they cost less than half of what they
   * cost among all that a request does, because the processor has what makes them at hand.
   */
  addLater<T>(what: T, format: Format<T>): void {
    if (this.#format !== format) this.#makeDue();
    this.#format = format;
    this.#due[this.#dueCount++] = what;
    if (this.#dueCount === mostDue) this.#makeDue();
    else this.#wait();
  }

  #makeDue(): void {
    const count = this.#dueCount;
    // First: what can't be made is not to be tried for ever.
    this.#dueCount = 0;
    for (let index = 0; index < count; index++) {
      const what = this.#due[index];
      this.#due[index] = undefined;
      this.#put(this.#format!(what as never));
    }
  }

  #put(line: Line): void {
    const isText = typeof line === "string";
    const most = isText ? line.length * mostPerUnit : line.length;
    if (this.#length + most > batchLength) this.#sendAll();
    this.#bytes ??= Buffer.allocUnsafeSlow(Math.max(batchLength, most));
    if (isText) this.#length += this.#bytes.write(line, this.#length);
    else {
      this.#bytes.set(line, this.#length);
      this.#length += most;
    }
    this.#wait();
  }

  #wait(): void {
    this.#timer ??= setTimeout(this.#flushLater, batchDelay).unref();
  }

  /** Sends all lines at once. */
  flush(): void {
    this.#makeDue();
    this.#sendAll();
  }

  #sendAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = this.#bytes;
    if (bytes === undefined) return;
    const length = this.#length;
    this.#bytes = undefined;
    this.#length = 0;
    // A view would keep all of the memory while the lines wait to be written.
    this.#send(new Uint8Array(bytes.buffer.transfer(length)));
  }
}
