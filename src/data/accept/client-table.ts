import {
  type AddressTable,
  lockSet,
  openAddressTable,
  placesPerSet,
  unlockSet,
} from "../../channel/address-table.ts";
import { type ClientKey, readClientKey } from "../../lib/client-key.ts";
import { mix } from "../../lib/hash.ts";
import type { ListenerLimits } from "../../model/listener.ts";
import type { AddressRefusal } from "../../model/reasons.ts";
import { type TokenBucket, takeToken, tokenBucket } from "./rates.ts";

const noLimit = 2 ** 31 - 1;

/** Holds clients to a listener's limits per address, exactly over all workers. */
export class ClientTable {
  readonly #table: AddressTable;
  readonly #own: Int32Array<SharedArrayBuffer>;
  readonly #worker: number;
  readonly #mostOpen: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #clock: () => number;
  readonly #key: ClientKey = { high: 0, low: 0 };

  /** @param worker 1 to count of workers. @param clock in milliseconds, the same in all workers. */
  constructor(
    memory: SharedArrayBuffer,
    worker: number,
    limits: Pick<ListenerLimits, "maxConnectionsPerIp" | "connectionRatePerIp">,
    clock: () => number = systemClock,
  ) {
    this.#table = openAddressTable(memory);
    this.#own = this.#table.ownOpen[worker - 1]!;
    this.#worker = worker;
    this.#mostOpen = limits.maxConnectionsPerIp ?? noLimit;
    this.#bucket = limits.connectionRatePerIp && tokenBucket(limits.connectionRatePerIp);
    this.#clock = clock;
  }

  /** Counts a connection in. @returns its place, which {@link leave} needs; or why it must be refused. */
  enter(address: string): number | AddressRefusal {
    return this.#enter(address, false);
  }

  /** Why {@link enter} would refuse a connection now; undefined: it would not. Nothing is counted. */
  refusal(address: string): AddressRefusal | undefined {
    const result = this.#enter(address, true);
    return typeof result === "string" ? result : undefined;
  }

  /** @param trial as if it had left before anybody could see it. */
  #enter(address: string, trial: boolean): number | AddressRefusal {
    if (!readClientKey(address, this.#key)) return "denied";
    const now = this.#bucket === undefined ? 0 : this.#clock();
    const set = hash(this.#key, this.#table.seed) & (this.#table.sets - 1);
    lockSet(this.#table, set, this.#worker);
    const place = findPlace(this.#table, set, this.#key.high, this.#key.low, now);
    const fullAt = place === undefined ? 0 : this.#table.fullAt[place]!;
    const result = place === undefined ? "max_connections_per_ip" : this.#enterAt(place, now);
    if (trial && typeof result === "number") {
      this.leave(result);
      this.#table.fullAt[result] = fullAt;
    }
    unlockSet(this.#table, set);
    return result;
  }

  leave(place: number): void {
    Atomics.sub(this.#table.open, place, 1);
    this.#own[place]! -= 1;
  }

  #enterAt(place: number, now: number): number | AddressRefusal {
    const { open, fullAt } = this.#table;
    if (Atomics.load(open, place) >= this.#mostOpen) return "max_connections_per_ip";
    if (this.#bucket !== undefined) {
      const next = takeToken(this.#bucket, fullAt[place]!, now);
      if (next === undefined) return "connection_rate_per_ip";
      fullAt[place] = next;
    }
    Atomics.add(open, place, 1);
    this.#own[place]! += 1;
    return place;
  }
}

/**
 * The place of a key in a set that is locked, which may have been another's until now: of the ones that have nothing open,
 * the one whose bucket is full first. @returns undefined where all in the set have something open.
 */
export function findPlace(
  { keys, used, open, fullAt }: AddressTable,
  set: number,
  high: number,
  low: number,
  now: number,
): number | undefined {
  const first = set * placesPerSet;
  const end = first + used[set]!;
  for (let place = first; place < end; place++)
    if (keys[2 * place + 1] === low && keys[2 * place] === high) return place;
  let chosen: number | undefined;
  if (end < first + placesPerSet) {
    chosen = end;
    used[set]! += 1;
  } else
    for (let place = first; place < end; place++) {
      if (Atomics.load(open, place) > 0) continue;
      if (chosen === undefined || fullAt[place]! < fullAt[chosen]!) chosen = place;
      if (fullAt[chosen]! <= now) break;
    }
  if (chosen === undefined) return undefined;
  keys[2 * chosen] = high;
  keys[2 * chosen + 1] = low;
  fullAt[chosen] = 0;
  return chosen;
}

/** The same for all threads: they share the machine's monotonic clock, not Node's zero of it. */
export function systemClock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Mixed once for each half. */
function hash({ high, low }: ClientKey, seed: number): number {
  return mix(low ^ mix(high ^ seed));
}
