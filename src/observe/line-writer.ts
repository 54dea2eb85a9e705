/**
 * Writes some of the bytes. Later, never within the call, it reports how many were taken, or the error. Never throws.
 */
export type ByteSink = (
  bytes: Buffer,
  done: (error: Error | null | undefined, taken: number) => void,
) => void;

/** Lines that may wait for a slow reader, in characters or bytes. */
const mostWaiting = 16 * 1024 * 1024;
const flushTimeoutMs = 1000;
const newline = 0x0a;

/**
 * Writes whole lines, in order, to a sink that may be slow, full or gone, and never waits for it.
 *
 * A line is written at once when no write is under way. Lines that come meanwhile are written together afterwards.
 * Lines that find 16 MiB waiting, and lines that the sink refuses (disk full, reader gone), are dropped and counted.
 * A line that was cut short is completed before any other line is written.
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #onError: (error: Error) => void;
  #waiting: (string | Uint8Array)[] = [];
  #waitingLength = 0;
  /** The bytes that the sink has been given and has not taken yet. */
  #writing: Buffer | undefined = undefined;
  /** The sink has taken the first part of a line; the rest is in `#torn` or being written. */
  #midLine = false;
  #torn: Buffer = Buffer.alloc(0);
  #dropped = 0;
  #whenIdle: (() => void)[] = [];

  constructor(sink: ByteSink, onError: (error: Error) => void) {
    this.#sink = sink;
    this.#onError = onError;
  }

  /** How many lines were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param lines each with its newline; as bytes, they are the writer's from now on. */
  write(lines: string | Uint8Array): void {
    if (this.#waitingLength + (this.#writing?.length ?? 0) + lines.length > mostWaiting) {
      this.#dropped += countLines(bytesOf(lines));
      return;
    }
    this.#waiting.push(lines);
    this.#waitingLength += lines.length;
    if (this.#writing === undefined) this.#next();
  }

  /** Resolves when nothing waits any more; after one second it gives up, and what still waits is dropped. */
  async flush(): Promise<void> {
    if (this.#writing === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    const timer = setTimeout(() => {
      this.#dropped += countLines(this.#writing!) + countLines(this.#takeWaiting());
      resolve();
    }, flushTimeoutMs);
    await promise;
    clearTimeout(timer);
  }

  #next(): void {
    if (this.#waiting.length > 0) {
      const waiting = this.#takeWaiting();
      const bytes = this.#torn.length === 0 ? waiting : Buffer.concat([this.#torn, waiting]);
      this.#torn = Buffer.alloc(0);
      this.#put(bytes);
      return;
    }
    this.#writing = undefined;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #takeWaiting(): Buffer {
    const parts = this.#waiting.map(bytesOf);
    this.#waiting = [];
    this.#waitingLength = 0;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #put(bytes: Buffer): void {
    this.#writing = bytes;
    this.#sink(bytes, (error, taken) => {
      if (error) this.#drop(bytes, error);
      else {
        this.#midLine = bytes[taken - 1] !== newline;
        if (taken < bytes.length) return this.#put(bytes.subarray(taken));
      }
      this.#next();
    });
  }

  #drop(bytes: Buffer, error: Error): void {
    const lineStart = this.#midLine ? bytes.indexOf(newline) + 1 : 0;
    this.#torn = bytes.subarray(0, lineStart);
    this.#dropped += countLines(bytes.subarray(lineStart));
    this.#onError(error);
  }
}

function bytesOf(lines: string | Uint8Array): Buffer {
  return typeof lines === "string"
    ? Buffer.from(lines)
    : Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) lines++;
  return lines;
}
