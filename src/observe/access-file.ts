import { closeSync, openSync, write } from "node:fs";
import { LineWriter } from "./line-writer.ts";
import type { Logger } from "./logger.ts";

/** Its user writes, its group reads. */
const mode = 0o640;
/** Time between two complaints, in milliseconds. */
const sayEvery = 60_000;

/** The file with the lines of requests. A reader that is slow, or a disk that is full, costs lines and nothing else. */
export class AccessFile {
  readonly #logger: Logger;
  readonly #writer: LineWriter;
  #path: string | undefined;
  #file: number | undefined;
  /** Being written to. */
  #busy: number | undefined;
  #said = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#writer = new LineWriter(
      (bytes, done) => this.#put(bytes, done),
      (error) => this.#complain(error),
    );
  }

  get hasPath(): boolean {
    return this.#path !== undefined;
  }

  get dropped(): number {
    return this.#writer.dropped;
  }

  /** The lines go to this file from now on. @throws where it can't be opened; they go on to the one before then. */
  follow(path: string | undefined): void {
    if (path === this.#path) return;
    const file = path === undefined ? undefined : open(path);
    this.#path = path;
    this.#replace(file);
  }

  /** Opens the file anew, because another program has renamed it. */
  reopen(): void {
    if (this.#path === undefined) {
      this.#logger.warn({ signal: "SIGUSR2" }, "this signal has no meaning to umay without log.access.file");
      return;
    }
    try {
      this.#replace(open(this.#path));
      this.#logger.info({ file: this.#path }, "the file of requests was opened anew");
    } catch (error) {
      this.#logger.error(
        { err: error },
        "the file of requests could not be opened anew; lines go on to the one before",
      );
    }
  }

  /** @param lines each with its newline. */
  write(lines: string | Uint8Array): void {
    this.#writer.write(lines);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  #replace(file: number | undefined): void {
    const before = this.#file;
    this.#file = file;
    if (before !== undefined && before !== this.#busy) closeSync(before);
  }

  #put(bytes: Buffer, done: (error: Error | null, taken: number) => void): void {
    const file = this.#file;
    if (file === undefined) {
      setImmediate(done, new Error("there is no file any more"), 0);
      return;
    }
    this.#busy = file;
    write(file, bytes, 0, bytes.length, null, (error, taken) => {
      this.#busy = undefined;
      if (file !== this.#file) closeSync(file);
      done(error, taken);
    });
  }

  #complain(error: Error): void {
    const now = performance.now();
    if (now - this.#said < sayEvery) return;
    this.#said = now;
    this.#logger.error(
      { err: error, file: this.#path },
      "lines of requests can't be written and are dropped",
    );
  }
}

function open(path: string): number {
  try {
    return openSync(path, "a", mode);
  } catch (error) {
    throw new Error(`log.access.file can't be opened: ${(error as Error).message}`, { cause: error });
  }
}
