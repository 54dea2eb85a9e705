import type { Fault } from "../../../../http/fault.ts";
import type { Fields, RequestHead, RequestReceiver } from "../../../../http/message.ts";
import type { Exchange } from "../exchange.ts";

/** An owner of exchanges, one for each request. */
export interface RequestOwner {
  /** The present one. */
  readonly exchange: Exchange | undefined;
  /** A request has come. */
  begin(head: RequestHead, last: boolean): void;
  /** The bytes that came are no request, or not a whole one. */
  fault(fault: Fault): void;
}

/** Hands on what a front reads. A connection can't do so itself: its own `end` ends the connection. */
export class RequestPort implements RequestReceiver {
  readonly #owner: RequestOwner;

  constructor(owner: RequestOwner) {
    this.#owner = owner;
  }

  request(head: RequestHead, last: boolean): void {
    this.#owner.begin(head, last);
  }

  body(buffer: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#owner.exchange!.take(buffer, start, end, last);
  }

  end(trailers: Fields | undefined): void {
    this.#owner.exchange!.complete(trailers);
  }

  fail(fault: Fault): void {
    this.#owner.fault(fault);
  }
}
