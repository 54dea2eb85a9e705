import type { BackendState, Obstacle } from "../model/backend.ts";

/**
 * What the workers share with each other and with the control plane, without a message.
 * Cells are changed with Atomics, because every thread may change them, unless they say otherwise.
 */
export interface SharedMemory {
  /** Leases per backend slot: connecting or connected. Least-connection reads it. */
  readonly backendActive: Int32Array<SharedArrayBuffer>;
  /** {@link backendFlag} bits per backend slot, written by the control plane. 0: may be picked. */
  readonly backendFlags: Int32Array<SharedArrayBuffer>;
  /** Failures in a row per backend slot, over all workers. */
  readonly backendErrors: Int32Array<SharedArrayBuffer>;
  /** Per backend slot, how much of its weight does not count while it starts slowly, in percent; written by the control plane. */
  readonly backendWithheld: Int32Array<SharedArrayBuffer>;
  /** {@link latencyCells} per backend slot: what its answers took. Plain stores: of two at once, one is lost. */
  readonly backendLatency: Int32Array<SharedArrayBuffer>;
  /** Leases per pool slot: what the retry budget is a share of. */
  readonly poolActive: Int32Array<SharedArrayBuffer>;
  /** Retries under way per pool slot. */
  readonly poolRetries: Int32Array<SharedArrayBuffer>;
  /** Sessions that wait for a backend per pool slot. */
  readonly poolWaiting: Int32Array<SharedArrayBuffer>;
  /** Two per pool slot, see `bells.ts`. */
  readonly bells: Int32Array<SharedArrayBuffer>;
  /** Open connections per listener slot. */
  readonly listenerActive: Int32Array<SharedArrayBuffer>;
  /**
   * Connections of each worker, by its index: open, or handed to it and on their way. Where a connection goes is
   * decided by it; what is open is counted elsewhere.
   */
  readonly workerOpen: Int32Array<SharedArrayBuffer>;
  /** [0]: open connections of the whole process; [1]: the most it may have. */
  readonly process: Int32Array<SharedArrayBuffer>;
}

export const openConnections = 0;
export const mostConnections = 1;

/** A latency in microseconds, 0 before the first; and when it was measured, in hundredths of a second. */
export const latencyCells = 2;

/**
 * Why a backend may not be picked. `trusted` lifts all but `draining`: too few of its pool are left without it.
 * `checking`: its first check is not over.
 */
export const backendFlag = { down: 1, ejected: 2, draining: 4, trusted: 8, checking: 16 } as const;

/** Whether a backend with these flags may be picked. */
export function mayBePicked(flags: number): boolean {
  return flags === 0 || (flags & (backendFlag.trusted | backendFlag.draining)) === backendFlag.trusted;
}

/** What a backend with these flags is. What is asked of it comes first, what is found about it next. */
export function stateOf(flags: number): BackendState {
  if (flags & backendFlag.draining) return "draining";
  if (flags & backendFlag.down) return "down";
  if (flags & backendFlag.ejected) return "ejected";
  return flags & backendFlag.checking ? "checking" : "up";
}

/** What keeps a backend with these flags from being picked; undefined: nothing. */
export function obstacleOf(flags: number): Obstacle | undefined {
  const state = stateOf(flags);
  return state === "up" || mayBePicked(flags) ? undefined : state;
}

/** Backends that all pools together may have, also those that were removed and still have sessions. */
export const backendCapacity = 16_384;
export const listenerCapacity = 1_024;
export const poolCapacity = 1_024;
export const workerCapacity = 1_024;

export function createSharedMemory(): SharedMemory {
  return {
    backendActive: sharedInts(backendCapacity),
    backendFlags: sharedInts(backendCapacity),
    backendErrors: sharedInts(backendCapacity),
    backendWithheld: sharedInts(backendCapacity),
    backendLatency: sharedInts(backendCapacity * latencyCells),
    poolActive: sharedInts(poolCapacity),
    poolRetries: sharedInts(poolCapacity),
    poolWaiting: sharedInts(poolCapacity),
    bells: sharedInts(2 * poolCapacity),
    listenerActive: sharedInts(listenerCapacity),
    workerOpen: sharedInts(workerCapacity),
    process: sharedInts(2),
  };
}

function sharedInts(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}
