import type { Direction } from "./questions.ts";

/** Bytes that a processor has sent and nobody takes, before it is heard no more. */
const most = 1_048_576;

/** The parts of a request and of its answer that went on, and that nobody has taken yet. */
export class Backlog {
  readonly #bytes = { request: 0, response: 0 };

  /** @param accepts whether more may follow. */
  passed(direction: Direction, bytes: number, accepts: boolean): void {
    this.#bytes[direction] = accepts ? 0 : this.#bytes[direction] + bytes;
  }

  taken(direction: Direction): void {
    this.#bytes[direction] = 0;
  }

  get isLong(): boolean {
    return Math.max(this.#bytes.request, this.#bytes.response) > most;
  }
}
