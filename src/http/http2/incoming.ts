import { Hold } from "../hold.ts";
import type { BodyReceiver, Fields } from "../message.ts";

/** Told of bytes that count no more against a window. */
export interface CreditSink {
  /** Of the connection. */
  creditConnection(bytes: number): void;
  /** Of the stream. */
  creditStream(bytes: number): void;
}

/**
 * The body that comes in on one stream, on its way to who wants it. While that one wants no more, what still comes is
 * held, at most the stream's window of it, and the peer gets no credit for it.
 */
export class Incoming {
  readonly #credit: CreditSink;
  #hold: Hold | undefined;
  #paused = false;
  #dropping = false;
  /** Behind what is held: the body's end, and with what trailers. */
  #ends = false;
  #last = false;
  #trailers: Fields | undefined;
  /** Handed over, while the receiver wanted no more. */
  #owed = 0;

  constructor(credit: CreditSink) {
    this.#credit = credit;
  }

  get held(): number {
    return this.#hold?.length ?? 0;
  }

  data(to: BodyReceiver | undefined, bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.#dropping || to === undefined) {
      this.#credit.creditConnection(end - start);
      this.#credit.creditStream(end - start);
    } else if (this.#paused) {
      this.#hold ??= new Hold();
      this.#hold.append(bytes, start, end);
      this.#last = last;
    } else this.#handOver(to, bytes, start, end, last);
  }

  end(to: BodyReceiver | undefined, trailers: Fields | undefined): void {
    if (this.#dropping) return;
    if (this.#paused) {
      this.#ends = true;
      this.#trailers = trailers;
    } else to?.end(trailers);
  }

  /** The receiver wants more. */
  resume(to: BodyReceiver): void {
    if (!this.#paused) return;
    this.#paused = false;
    const owed = this.#owed;
    this.#owed = 0;
    this.#credit.creditStream(owed);
    const hold = this.#hold;
    if (hold !== undefined && hold.length > 0) {
      const { bytes, start, end } = hold;
      hold.clear();
      this.#handOver(to, bytes, start, end, this.#last);
    }
    if (this.#paused || !this.#ends) return;
    this.#ends = false;
    to.end(this.#trailers);
  }

  /** @returns a copy of what is held; undefined: nothing is. */
  copyHeld(): Buffer | undefined {
    const hold = this.#hold;
    if (hold === undefined || hold.length === 0) return undefined;
    return Buffer.from(hold.bytes.subarray(hold.start, hold.end));
  }

  /** Nobody wants any of it. */
  drop(): void {
    this.#dropping = true;
    this.#ends = false;
    const { held } = this;
    this.#hold = undefined;
    this.#credit.creditConnection(held);
    this.#credit.creditStream(held + this.#owed);
    this.#owed = 0;
  }

  #handOver(to: BodyReceiver, bytes: Buffer, start: number, end: number, last: boolean): void {
    // Before the call: it may drop the rest, or resume.
    this.#paused = true;
    this.#owed += end - start;
    this.#credit.creditConnection(end - start);
    if (!to.body(bytes, start, end, last) || this.#dropping) return;
    this.#paused = false;
    const owed = this.#owed;
    this.#owed = 0;
    this.#credit.creditStream(owed);
  }
}
