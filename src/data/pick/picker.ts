import type { PlacedBackend } from "../../model/backend.ts";
import type { Labels } from "../../model/subset.ts";

/** The properties of a session or an exchange that hash pickers hash. */
export interface PickKey {
  /** The client's IP address, IPv4-mapped addresses as IPv4; empty for a unix socket's client. */
  readonly clientAddress: string;
  /** The server name of the TLS handshake, lower case; empty without one. */
  readonly serverName: string;
  /** The text that a route has hashed, instead of both. */
  readonly key?: string | undefined;
  /** The labels of the part of the pool that is asked for, the same object each time; undefined: none is. */
  readonly subset?: Labels | undefined;
  /** Where the connection was going, or what a request names in its place: an IP address with a port. Undefined: nobody knows. */
  readonly destination?: string | undefined;
  /** Undefined: any backend will do. */
  readonly wish?: Wish | undefined;
}

/** Backends of a pool that are taken before any other. */
export interface Wish {
  /** The first of these that may be had is taken. */
  readonly backends: readonly PlacedBackend[];
  /** Whether no other one will do. */
  readonly only: boolean;
}

/** The facts that a pick may depend on. A pool reuses one object for all picks: do not keep it. */
export interface PickContext {
  readonly key: PickKey;
  /** May this backend be picked now? False for one that is down and for one that this session has tried. */
  mayPick(backend: PlacedBackend): boolean;
}

/**
 * Chooses a backend. Immutable over its backends; rebuilt when they change.
 * Never throws, never awaits, never allocates per pick, never returns a backend that `mayPick` refuses.
 * Returns undefined only when `mayPick` refuses every backend. Asked again after a failed attempt, with that
 * attempt's backend refused, it gives the next best: a retry is one more pick.
 */
export interface Picker {
  pick(context: PickContext): PlacedBackend | undefined;
  /** Whether the backend for this key is about to come. Undefined where they come by themselves. */
  comes?(key: PickKey): boolean;
}

/** The inputs from which a picker is built. */
export interface PickerInputs {
  /** At least one; in discovery's order. */
  readonly backends: readonly PlacedBackend[];
  /** Active connections of a backend over all workers, by slot. Read it plainly: being a moment late is fine. */
  readonly active: Int32Array;
  /** Why a backend may not be picked, by slot; see `mayBePicked`. Read as `active`. */
  readonly flags: Int32Array;
  /** How much of its weight does not count while a backend starts slowly, in percent, 0 to 90, by slot. Read as `active`. */
  readonly withheld: Int32Array;
  /** The latencies of backends, as `Latencies` keeps them. */
  readonly latency: Int32Array;
  /** In milliseconds, the same for all workers; may be a moment late. */
  readonly clock: { readonly now: number };
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The picker that this one replaces, of the same type, so that it can keep its place; its backends may differ. */
  readonly previous: Picker | undefined;
  /** The backends of another pool. */
  readonly peers: (pool: string) => readonly PlacedBackend[];
  /** This worker's number, from 0, and how many there are: pickers with a place start spread out. */
  readonly worker: { readonly index: number; readonly count: number };
}
