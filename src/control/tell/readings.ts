import { backendCell, type CounterMemory, listenerCell, poolCell, sumCells } from "../../channel/counters.ts";
import { countersOf } from "../../channel/layout.ts";
import { type SharedMemory, stateOf, usedSlots } from "../../channel/memory.ts";
import type { ByName, ReloadCounts } from "../../material/renewal.ts";
import type { BackendState, PlacedBackend } from "../../model/backend.ts";
import type { Snapshot } from "../../model/snapshot.ts";

export type ProcessState = "starting" | "ready" | "draining";

/** What metrics and status are read from, at the moment when someone asks. */
export interface MetricsInput {
  /** Every worker's, worker 1 first. A replaced worker goes on with its predecessor's, whose sessions are counted as ended. */
  readonly memories: readonly CounterMemory[];
  readonly shared: SharedMemory;
  readonly state: () => ProcessState;
  readonly snapshot: () => Snapshot;
  /** By pool. */
  readonly discovery: () => ReadonlyMap<string, DiscoveryReading>;
  readonly health: HealthReading;
  readonly drains: DrainReading;
  readonly workerRestarts: () => number;
  readonly droppedLogLines: () => number;
  /** Reloads of the configuration so far. */
  readonly reloads: () => Readonly<ReloadCounts>;
  /** Renewals of what listeners that terminate TLS, and pools, have from files. */
  readonly certificateReloads: () => ByName<Readonly<ReloadCounts>, Readonly<ReloadCounts>>;
  /** The most files that the process may have open; undefined where the system does not say. */
  readonly fileLimit: () => number | undefined;
}

export interface DiscoveryReading {
  /** How often finding the backends failed so far. */
  readonly errors: number;
  /** The last error, until it succeeds again. */
  readonly lastError: string | undefined;
}

/** What is known of the backends' health. */
export interface HealthReading {
  /** By its slot; undefined for one that is not watched. */
  backend(slot: number): BackendHealth | undefined;
  /** Whether health is ignored in a pool, because too few of its backends are up. */
  failsOpen(pool: string): boolean;
}

/** What is known of backends that are to get no new sessions. */
export interface DrainReading {
  /** Undefined for one that gets them. @returns who drains it, and the milliseconds until its sessions are ended, if they are. */
  backend(
    pool: string,
    address: string,
  ): { readonly by: "hand" | "discovery"; readonly left: number | undefined } | undefined;
}

/** How often it happened so far. */
export interface BackendHealth {
  /** From up to down, or back. */
  readonly changes: number;
  /** Undefined without active checks. */
  readonly checkFailures: number | undefined;
  readonly ejections: number;
}

export function backendState(shared: SharedMemory, { slot }: PlacedBackend): BackendState {
  return stateOf(Atomics.load(shared.backendFlags, slot));
}

/** Connections that are open on a listener. */
export function openOnListener(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + listenerCell.accepted, counters + listenerCell.ended);
}

/** Connections to a backend that are open or being established. */
export function openToBackend(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + backendCell.leased, counters + backendCell.released);
}

/** Sessions that wait for a backend. */
export function waitingInPool(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + poolCell.queued, counters + poolCell.dequeued);
}

/** Connections that a worker has open, also on listeners that are gone from the snapshot. */
export function openInWorker(memory: CounterMemory, shared: SharedMemory): number {
  let open = 0;
  for (let slot = 0; slot < usedSlots(shared, "listener"); slot++)
    open += openOnListener([memory], { counters: countersOf("listener", slot) });
  return open;
}

/** The workers count on meanwhile: what falls is read first, so that it is never above what rises. */
function difference(memories: readonly CounterMemory[], rising: number, falling: number): number {
  const ended = sumCells(memories, falling);
  return sumCells(memories, rising) - ended;
}
