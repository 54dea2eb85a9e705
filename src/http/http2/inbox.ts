import type { Stream } from "./stream.ts";

/** Something that came for a stream. */
export interface Arrival {
  readonly stream: Stream;
  /** Hands it over. */
  readonly deliver: Delivery;
  /** Where in the read it is, if it is a part of a body. */
  readonly start: number;
  readonly end: number;
  readonly content: unknown;
}

/**
 * @param bytes of the read that it came in.
 * @param follows something else for the same stream comes next.
 */
export type Delivery = (arrival: Arrival, bytes: Buffer, follows: boolean) => void;

/**
 * The arrivals of one read, in order. They are delivered when all of the read was taken apart, so that a request that
 * is reset in the same read is never heard of.
 */
export class Inbox {
  readonly #arrivals: Arrival[] = [];
  #isDelivering = false;

  push(stream: Stream, deliver: Delivery, content?: unknown): void {
    this.#arrivals.push({ stream, deliver, start: 0, end: 0, content });
  }

  pushPart(stream: Stream, deliver: Delivery, start: number, end: number): void {
    this.#arrivals.push({ stream, deliver, start, end, content: undefined });
  }

  /** Empties it. Arrivals that are pushed meanwhile are delivered too, by the call that is under way. */
  deliver(bytes: Buffer): void {
    if (this.#isDelivering) return;
    const arrivals = this.#arrivals;
    this.#isDelivering = true;
    try {
      for (let at = 0; at < arrivals.length; at++) {
        const arrival = arrivals[at]!;
        arrival.deliver(arrival, bytes, arrivals[at + 1]?.stream === arrival.stream);
      }
    } finally {
      arrivals.length = 0;
      this.#isDelivering = false;
    }
  }
}
