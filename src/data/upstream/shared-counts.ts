import { backendCell, backendResetterList, type CounterMemory } from "../../channel/counters.ts";

const [byBackend, byUmay] = [backendResetterList.indexOf("backend"), backendResetterList.indexOf("umay")];

/** The counts of an engine so far. */
interface Seen {
  readonly resets: { readonly received: number; readonly sent: number };
  readonly goAwayCode: number | undefined;
}

/** Counts, for the metrics of a backend, what becomes of one connection of HTTP/2 to it. */
export class SharedCounts {
  /** The numbers that were counted already. */
  #received = 0;
  #sent = 0;
  #goAways = 0;

  /** Counts what has come since the last time. @param first cell of the backend. */
  add(counters: CounterMemory, first: number, { resets, goAwayCode }: Seen): void {
    const goAways = goAwayCode === undefined ? 0 : 1;
    counters[first + backendCell.http2Resets + byBackend]! += resets.received - this.#received;
    counters[first + backendCell.http2Resets + byUmay]! += resets.sent - this.#sent;
    counters[first + backendCell.http2GoAways]! += goAways - this.#goAways;
    this.#received = resets.received;
    this.#sent = resets.sent;
    this.#goAways = goAways;
  }
}
