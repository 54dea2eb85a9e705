import {
  backendCell,
  type CounterMemory,
  listenerCell,
  poolCell,
  requestOutcomeList,
  routeCell,
  sumCells,
} from "../../channel/counters.ts";
import { countersOf } from "../../channel/layout.ts";
import { type SharedMemory, stateOf, usedSlots } from "../../channel/memory.ts";
import type { BackendState, PlacedBackend } from "../../model/backend.ts";
import { partsOfName } from "../../model/http/guard.ts";
import type { PlacedGuard, PlacedListener, PlacedPool, PlacedRoute, Snapshot } from "../../model/snapshot.ts";

/* The counts of all workers, and the states of backends, at the moment when someone asks. */

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

/** Requests over HTTP/2 that are under way on a listener. */
export function streamsOnListener(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + listenerCell.http2Begun, counters + listenerCell.http2Over);
}

/** Connections to a backend that are open or being established. */
export function openToBackend(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + backendCell.leased, counters + backendCell.released);
}

/** Requests of a route that are under way. */
export function requestsOfRoute(
  memories: readonly CounterMemory[],
  { counters }: { counters: number },
): number {
  return difference(memories, counters + routeCell.begun, counters + routeCell.over);
}

/** Requests that are over, however they ended. @param first index of the first of their cells. */
export const sumOutcomes = (memories: readonly CounterMemory[], first: number): number =>
  requestOutcomeList.reduce((sum, _, index) => sum + sumCells(memories, first + index), 0);

/** The routes of all tables, each once. */
export function routesIn({ routeTables }: Snapshot): readonly PlacedRoute[] {
  return [
    ...new Map(routeTables.flatMap(({ routes }) => routes.map((route) => [route.name, route]))).values(),
  ];
}

/** The guards of a kind that the routes of all tables name, each once. @param kind with which their names begin. */
export function guardsIn({ routeTables }: Snapshot, kind: "auth" | "rate_limits"): readonly PlacedGuard[] {
  const guards = new Map(routeTables.flatMap((table) => table.guards.map((guard) => [guard.name, guard])));
  return [...guards.values()].filter(({ name }) => partsOfName(name)[0] === kind);
}

/** Listeners that speak HTTP with some of their clients. */
export const speakingHttp = ({ listeners }: Pick<Snapshot, "listeners">): readonly PlacedListener[] =>
  listeners.filter(({ chains }) => chains.some(({ serve }) => serve.kind === "http"));

/** The pools, where any listener speaks HTTP. */
export const poolsOfHttp = (snapshot: Snapshot): readonly PlacedPool[] =>
  speakingHttp(snapshot).length === 0 ? [] : snapshot.pools;

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
