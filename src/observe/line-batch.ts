/** A batch is sent when it has this many characters, */
const batchLength = 64 * 1024;
/** or this many milliseconds after its first line. */
const batchDelay = 50;

/** Lines on their way from a worker to the main thread, which alone writes: a message for many of them. */
export class LineBatch {
  readonly #send: (lines: string) => void;
  #lines = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (lines: string) => void) {
    this.#send = send;
  }

  /** @param line with its newline. */
  add(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= batchLength) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), batchDelay).unref();
  }

  /** Sends all lines at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === "") return;
    const lines = this.#lines;
    this.#lines = "";
    this.#send(lines);
  }
}
