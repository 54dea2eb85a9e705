import type { BackendState, Obstacle } from "../model/backend.ts";
import { type CellName, type KindName, kindNames, layout } from "./layout.ts";

/**
 * The memory that workers share with each other and with the control plane, without a message: the cells of every kind
 * of the layout, and some of the whole process. Cells are changed with Atomics, because every thread may change them,
 * unless they say otherwise.
 */
export interface SharedMemory extends Readonly<Record<CellName, Int32Array<SharedArrayBuffer>>> {
  /** By kind, in the order of the layout: how many of its slots were ever taken; written by the control plane. */
  readonly used: Int32Array<SharedArrayBuffer>;
  /**
   * Connections of each worker, by its index: open, or handed to it and on their way; and the requests of each connection
   * of HTTP/2 but one. Where a connection goes is decided by it; what is open is counted elsewhere.
   */
  readonly workerOpen: Int32Array<SharedArrayBuffer>;
  /** How often the event loop of each worker has turned, by its index, as far as its sweep sees; written by it alone. */
  readonly workerTurns: Int32Array<SharedArrayBuffer>;
  /** By worker: how many of a thousand new requests it refuses, because its event loop is late; written by it alone. */
  readonly workerShed: Int32Array<SharedArrayBuffer>;
  /** Of the whole process: see {@link openConnections} and the other indexes below it. */
  readonly process: Int32Array<SharedArrayBuffer>;
}

export const openConnections = 0;
/** The most open connections. */
export const mostConnections = 1;
/** Requests of HTTP under way, where their number is limited anywhere. */
export const openRequests = 2;
/** The most of them. */
export const mostRequests = 3;
/** How late an event loop may be before its worker refuses new requests, in milliseconds. */
export const longestDelay = 4;
/** How much of its heap a worker may use before it refuses new requests, in percent. */
export const mostMemory = 5;
/** 1 while the process has too little memory left for new requests, else 0. */
export const memoryShort = 6;
const processCells = 7;

/** In place of a limit that nobody set. */
export const noLimit = 2 ** 31 - 1;

/**
 * Why a backend may not be picked. `trusted` lifts all but `draining`: too few of its pool are left without it.
 * `checking`: its first check is not over.
 */
export const backendFlag = {
  down: 1,
  ejected: 2,
  draining: 4,
  trusted: 8,
  checking: 16,
  /** Whoever found it says that it takes no sessions. */
  unfit: 32,
} as const;

/** Whether a backend with these flags may be picked. */
export function mayBePicked(flags: number): boolean {
  return flags === 0 || (flags & (backendFlag.trusted | backendFlag.draining)) === backendFlag.trusted;
}

/** The state of a backend with these flags. An order to drain comes first, and then what is known of its health. */
export function stateOf(flags: number): BackendState {
  if (flags & backendFlag.draining) return "draining";
  if (flags & (backendFlag.down | backendFlag.unfit)) return "down";
  if (flags & backendFlag.ejected) return "ejected";
  return flags & backendFlag.checking ? "checking" : "up";
}

/** The obstacle that keeps a backend with these flags from being picked; undefined: none. */
export function obstacleOf(flags: number): Obstacle | undefined {
  const state = stateOf(flags);
  return state === "up" || mayBePicked(flags) ? undefined : state;
}

export const workerCapacity = 1_024;

export function createSharedMemory(): SharedMemory {
  const cells: Partial<Record<CellName, Int32Array<SharedArrayBuffer>>> = {};
  for (const { capacity, gauges, cells: others } of Object.values(layout)) {
    for (const name of Object.keys(gauges)) cells[name as CellName] = sharedInts(capacity);
    for (const [name, each] of Object.entries(others)) cells[name as CellName] = sharedInts(capacity * each);
  }
  const process = sharedInts(processCells);
  for (const limit of [mostRequests, longestDelay, mostMemory]) process[limit] = noLimit;
  return {
    ...(cells as Record<CellName, Int32Array<SharedArrayBuffer>>),
    used: sharedInts(kindNames.length),
    workerOpen: sharedInts(workerCapacity),
    workerTurns: sharedInts(workerCapacity),
    workerShed: sharedInts(workerCapacity),
    process,
  };
}

/** Connections that are open, and those that are on their way from one thread to another; at least so many. */
export function openOrComing({ process, workerOpen }: Pick<SharedMemory, "process" | "workerOpen">): number {
  return Math.max(
    Atomics.load(process, openConnections),
    workerOpen.reduce((sum, count) => sum + count, 0),
  );
}

/** How many slots of a kind were ever taken: what lies beyond them was never counted in. */
export const usedSlots = ({ used }: SharedMemory, name: KindName): number =>
  Atomics.load(used, kindNames.indexOf(name));

function sharedInts(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}
