import type { SocketAddress } from "../lib/address.ts";
import type { Challenge } from "./acme.ts";
import type { PlacedBackend } from "./backend.ts";
import type { Fault, Guard, RateLimit } from "./http/guard.ts";
import type { HttpRouteTable } from "./http/route.ts";
import type { Listener } from "./listener.ts";
import type { Pool } from "./pool.ts";

export interface PlacedListener extends Listener {
  /** Index of its active connections in shared memory. */
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
  /** The addresses of `bind`, with real ports. */
  readonly addresses: readonly SocketAddress[];
  /**
   * The thread that accepts: every worker on its own socket (SO_REUSEPORT); the main thread, which hands over; or, for a
   * unix socket, one worker alone, because a path can be bound only once and its connections can't move between threads.
   */
  readonly accept: "shared-port" | "handed-over" | "one-worker";
  /** Whether a unix socket takes the place of that of the umay that is taken over from. */
  readonly replaces?: boolean;
  /**
   * 48 bytes of umay's own that encrypt session tickets, the same for all workers, where TLS settings bring none; undefined
   * where none of them needs it.
   */
  readonly ticketKeys: Uint8Array | undefined;
  /** The open connections of each client address; undefined where no limit needs it. All workers share it. */
  readonly addressTable: SharedArrayBuffer | undefined;
}

export interface PlacedPool extends Omit<Pool, "discovery" | "health" | "removal"> {
  /** Index of its leases, its retries and its queue in shared memory. */
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
  readonly backends: readonly PlacedBackend[];
  /** Whether its discovery has yet to answer for the first time: sessions wait for that. */
  readonly warming: boolean;
}

/** A route of HTTP with its place in the shared memory. */
export interface PlacedRoute {
  readonly name: string;
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
}

/** Where a guard is in the shared memory. */
interface GuardPlace {
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
}

/** A rate limit with the table in which all workers count; `seed` hashes its keys. */
export type PlacedRateLimit = RateLimit &
  GuardPlace & { readonly table: SharedArrayBuffer; readonly seed: number };

export type PlacedFault = Fault & GuardPlace;

/** A guard with its place in the shared memory, which is the same in every table. */
export type PlacedGuard = (Exclude<Guard, RateLimit> & GuardPlace) | PlacedRateLimit;

export interface PlacedRouteTable extends HttpRouteTable {
  /** Those of its routes. */
  readonly routes: readonly PlacedRoute[];
  readonly guards: readonly PlacedGuard[];
}

/** One complete, immutable, versioned state that the workers serve. An unchanged part is the same object as before. */
export interface Snapshot {
  readonly version: number;
  readonly listeners: readonly PlacedListener[];
  readonly pools: readonly PlacedPool[];
  /** In which listeners that speak HTTP find routes. */
  readonly routeTables: readonly PlacedRouteTable[];
}

/** How a snapshot differs from an earlier one: whoever has that one gets this one by it. */
export interface Difference {
  /** Of the snapshot that it leads to. */
  readonly version: number;
  /** Those that are new or have changed, whole. */
  readonly listeners: readonly PlacedListener[];
  readonly pools: readonly PlacedPool[];
  readonly routeTables: readonly PlacedRouteTable[];
  /** All of them that are shown now; undefined: as before. */
  readonly challenges?: readonly Challenge[];
  /** The names of those that left. */
  readonly gone: {
    readonly listeners: readonly string[];
    readonly pools: readonly string[];
    readonly routeTables: readonly string[];
  };
}
