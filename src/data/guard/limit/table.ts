import { type AddressTable, lockSet, openAddressTable, unlockSet } from "../../../channel/address-table.ts";
import type { LimitRate, RateLimit } from "../../../model/http/guard.ts";
import { findPlace, systemClock } from "../../accept/client-table.ts";
import { type TokenBucket, takeToken, tokenBucket } from "../../accept/rates.ts";

/** The identity of a key in 64 bits. */
export interface LimitKey {
  readonly high: number;
  readonly low: number;
}

/** The result for a request. One object for all of them: it holds until the next call. */
export interface Taken {
  /** `rate`: no token is left; `busy`: as many requests as may be are under way. */
  kind: "ok" | "rate" | "busy";
  /** Where it is counted as under way; -1: nowhere. */
  place: number;
  /** Tokens that are left. */
  left: number;
  /** When the next token is there, and when the bucket is full again: in milliseconds from now. */
  next: number;
  full: number;
}

/** How a request is counted. */
export interface Taking {
  /** Undefined: by no rate. */
  readonly bucket: TokenBucket | undefined;
  readonly tokens: number;
  /** Requests under way; undefined: they are not counted. */
  readonly most: number | undefined;
}

export const bucketOf = ({ rate, burst }: LimitRate): TokenBucket =>
  tokenBucket({ connections: rate.requests, period: rate.period, burst });

/**
 * How often each key was used, and how many of its requests are under way: exact over all workers, which share the table
 * and lock the 64 places in which a key can be. It never grows: where all of these are taken, a new key takes the place of
 * the one that has least to remember.
 */
export class LimitTable {
  readonly #table: AddressTable;
  readonly #ownOpen: Int32Array<SharedArrayBuffer>;
  readonly #worker: number;
  readonly #own: Taking;
  readonly #clock: () => number;
  readonly #taken: Taken = { kind: "ok", place: -1, left: 0, next: 0, full: 0 };

  /** @param worker 1 to count of workers. @param clock in milliseconds, the same in all workers. */
  constructor(
    memory: SharedArrayBuffer,
    worker: number,
    { rate, burst, concurrent }: Pick<RateLimit, "rate" | "burst" | "concurrent">,
    clock: () => number = systemClock,
  ) {
    this.#table = openAddressTable(memory);
    this.#ownOpen = this.#table.ownOpen[worker - 1]!;
    this.#worker = worker;
    this.#own = { bucket: rate && bucketOf({ rate, burst }), most: concurrent, tokens: 1 };
    this.#clock = clock;
  }

  /**
   * Counts a request, where it may go on. One that is counted as under way is to {@link leave} its place.
   * @param how by another rate than the table's own, or by none.
   */
  take({ high, low }: LimitKey, how: Taking = this.#own): Taken {
    const table = this.#table;
    const taken = this.#taken;
    const now = this.#clock();
    const set = low & (table.sets - 1);
    taken.place = -1;
    taken.kind = "ok";
    lockSet(table, set, this.#worker);
    const place = findPlace(table, set, high, low, now);
    if (place !== undefined) this.#takeAt(place, now, how);
    // Every key of the set is in use, which takes thousands of requests at a time: this one is not remembered.
    else if (how.bucket !== undefined) this.#tell(how.bucket, 0);
    unlockSet(table, set);
    return taken;
  }

  #takeAt(place: number, now: number, { bucket, most, tokens }: Taking): void {
    const { open, fullAt } = this.#table;
    const taken = this.#taken;
    if (most !== undefined && Atomics.load(open, place) >= most) {
      taken.kind = "busy";
      return;
    }
    if (bucket !== undefined) {
      const next = takeToken(bucket, fullAt[place]!, now, tokens);
      if (next === undefined) taken.kind = "rate";
      else fullAt[place] = next;
      this.#tell(bucket, Math.max(fullAt[place]! - now, 0));
      if (next === undefined) return;
    }
    if (most === undefined) return;
    Atomics.add(open, place, 1);
    this.#ownOpen[place]! += 1;
    taken.place = place;
  }

  #tell({ interval, tolerance }: TokenBucket, full: number): void {
    const taken = this.#taken;
    taken.full = full;
    taken.left = Math.max(0, Math.floor((tolerance - full) / interval) + 1);
    taken.next = Math.max(0, full - tolerance);
  }

  leave(place: number): void {
    Atomics.sub(this.#table.open, place, 1);
    this.#ownOpen[place]! -= 1;
  }
}
