import {
  type CounterMemory,
  httpVersionList,
  listenerCell,
  resetterList,
} from "../../../../channel/counters.ts";
import type { ConnectionError } from "../../../../http/http2/protocol.ts";

const [byClient, byUmay] = [resetterList.indexOf("client"), resetterList.indexOf("umay")];

/** The frames that an engine has seen so far. */
interface SeenFrames {
  readonly resets: { readonly received: number; readonly sent: number };
  readonly budget: { readonly seen: number };
}

/** Counts, for the metrics of a listener, what becomes of one connection of HTTP/2. */
export class Http2Counts {
  readonly #counters: CounterMemory;
  /** The listener's first cell. */
  readonly #first: number;
  /** The numbers that were counted already. */
  #received = 0;
  #sent = 0;
  #glitches = 0;

  constructor(counters: CounterMemory, first: number) {
    this.#counters = counters;
    this.#first = first;
    countVersion(counters, first, "2");
  }

  begin(): void {
    this.#count(listenerCell.http2Begun, 1);
  }

  over(): void {
    this.#count(listenerCell.http2Over, 1);
  }

  failed({ code }: ConnectionError): void {
    this.#count(listenerCell.http2Errors + code, 1);
  }

  /** Counts what has come since the last time. */
  add({ resets, budget }: SeenFrames): void {
    this.#count(listenerCell.http2Resets + byClient, resets.received - this.#received);
    this.#count(listenerCell.http2Resets + byUmay, resets.sent - this.#sent);
    this.#count(listenerCell.http2Glitches, budget.seen - this.#glitches);
    this.#received = resets.received;
    this.#sent = resets.sent;
    this.#glitches = budget.seen;
  }

  #count(cell: number, more: number): void {
    this.#counters[this.#first + cell]! += more;
  }
}

/** @param first cell of the listener. */
export function countVersion(
  counters: CounterMemory,
  first: number,
  version: (typeof httpVersionList)[number],
): void {
  counters[first + listenerCell.httpConnections + httpVersionList.indexOf(version)]! += 1;
}
