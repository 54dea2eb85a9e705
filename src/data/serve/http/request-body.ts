import { Hold } from "../../../http/hold.ts";
import type { BodyReceiver, Fields } from "../../../http/message.ts";

/**
 * The body of one request on its way to a backend. Bytes that come before there is a backend wait, at most two reads of them.
 * Bytes that have gone to one may be kept for another, up to a limit.
 */
export class RequestBody {
  /** Bytes that came. */
  received = 0;
  /** Its last byte has come. */
  isWhole = false;
  readonly #hold = new Hold();
  #trailers: Fields | undefined = undefined;
  #to: BodyReceiver | undefined = undefined;
  /** How much of what has gone is kept, in bytes. */
  #most = 0;
  /** Something has gone to a backend that is not kept. */
  #isGone = false;

  /** Whether anything waits for a backend. */
  get waits(): boolean {
    return this.#hold.length > 0;
  }

  /** Whether all that came can be sent to a backend now. */
  get isThere(): boolean {
    return !this.#isGone;
  }

  /** All that waits, or is kept. Valid until more comes or goes. */
  get held(): Buffer {
    const { bytes, start, end } = this.#hold;
    return bytes.subarray(start, end);
  }

  /** From now on so many bytes are kept to be sent once more; a body that is longer is not kept. */
  keep(most: number): void {
    this.#most = most;
  }

  /** Takes over all that waits of another one, which keeps it. */
  copy(from: RequestBody): void {
    const { bytes, start, end } = from.#hold;
    this.received = from.received;
    this.isWhole = from.isWhole;
    // Bytes of its own: whoever gets them may write to them.
    this.#hold.append(bytes, start, end);
    this.#trailers = from.#trailers;
  }

  /** @returns false to get no more for now. */
  take(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.received += end - start;
    this.isWhole = last;
    if (this.#to === undefined) {
      this.#hold.append(bytes, start, end);
      return false;
    }
    // Before it goes: whoever gets it may write to it.
    if (!this.#isGone) this.#keepIfFits(bytes, start, end);
    return this.#to.body(bytes, start, end, last);
  }

  #keepIfFits(bytes: Buffer, start: number, end: number): void {
    if (this.#hold.length + end - start <= this.#most) this.#hold.append(bytes, start, end);
    else this.#forget();
  }

  #forget(): void {
    this.#isGone = true;
    this.#hold.clear();
    this.#trailers = undefined;
  }

  /** Nothing follows. */
  end(trailers: Fields | undefined): void {
    this.isWhole = true;
    if (this.#to === undefined || this.#most > 0) this.#trailers = trailers?.retain();
    this.#to?.end(trailers);
  }

  /**
   * There is a backend: it gets what waits, and all that comes.
   * @param isEmpty the request has no body.
   * @returns whether it takes more.
   */
  flow(to: BodyReceiver, isEmpty: boolean): boolean {
    const { bytes, start, end, length } = this.#hold;
    const trailers = this.#trailers;
    const endsHere = this.isWhole && trailers === undefined;
    let accepts = true;
    this.#to = to;
    if (length > 0) {
      if (length > this.#most) {
        this.#forget();
        accepts = to.body(bytes, start, end, endsHere);
        // A copy, which is the receiver's: what is kept stays as it is.
      } else accepts = to.body(Buffer.from(bytes.subarray(start, end)), 0, length, endsHere);
    }
    if (this.isWhole && !isEmpty && (length === 0 || !endsHere)) to.end(trailers);
    return accepts;
  }

  /** The backend gets no more; another one may get all of it, where it is there. */
  stop(): void {
    this.#to = undefined;
  }

  /** Nothing of it is to be sent again. */
  release(): void {
    this.#most = 0;
    if (this.#to !== undefined && this.received > 0) this.#forget();
  }
}
