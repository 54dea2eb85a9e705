import { Hold } from "../../../http/hold.ts";
import type { BodyReceiver, Fields } from "../../../http/message.ts";

/** The body of one request on its way to a backend. What comes before there is a backend waits, at most two reads of it. */
export class RequestBody {
  /** Bytes that came. */
  received = 0;
  /** Its last byte has come. */
  isWhole = false;
  /** A byte of it, or its end, went to a backend. */
  hasBegun = false;
  readonly #hold = new Hold();
  #trailers: Fields | undefined = undefined;
  #to: BodyReceiver | undefined = undefined;

  /** Whether anything waits for a backend. */
  get waits(): boolean {
    return this.#hold.length > 0;
  }

  /** @returns false to get no more for now. */
  take(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.received += end - start;
    this.isWhole = last;
    if (this.#to === undefined) {
      this.#hold.append(bytes, start, end);
      return false;
    }
    this.hasBegun = true;
    return this.#to.body(bytes, start, end, last);
  }

  /** Nothing follows. */
  end(trailers: Fields | undefined): void {
    this.isWhole = true;
    if (this.#to === undefined) this.#trailers = trailers?.retain();
    else {
      this.hasBegun = true;
      this.#to.end(trailers);
    }
  }

  /** There is a backend: it gets what waits, and all that comes. @param isEmpty the request has no body. */
  flow(to: BodyReceiver, isEmpty: boolean): void {
    this.#to = to;
    const { bytes, start, end, length } = this.#hold;
    const endsHere = this.isWhole && this.#trailers === undefined;
    if (length > 0) {
      this.hasBegun = true;
      this.#hold.clear();
      to.body(bytes, start, end, endsHere);
    }
    if (this.isWhole && !isEmpty && (length === 0 || !endsHere)) {
      this.hasBegun = true;
      to.end(this.#trailers);
    }
  }

  /** The backend gets no more: another one may get all of it, where nothing has gone yet. */
  stop(): void {
    this.#to = undefined;
  }
}
