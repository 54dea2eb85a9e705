import { ringNews } from "../../channel/bells.ts";
import {
  backendCell,
  type CounterMemory,
  endReasonList,
  listenerCell,
  poolCell,
} from "../../channel/counters.ts";
import {
  backendCapacity,
  listenerCapacity,
  openConnections,
  poolCapacity,
  type SharedMemory,
} from "../../channel/memory.ts";
import { backendSlots, listenerSlots, poolSlots } from "../../channel/slots.ts";

const listenerPlaces = listenerSlots();
const poolPlaces = poolSlots();
const backendPlaces = backendSlots();

/** The sessions of a dead worker ended with it: its counters say how many were open and where. */
export function closeBooks(counters: CounterMemory, shared: SharedMemory): void {
  for (let slot = 0; slot < listenerCapacity; slot++) {
    const first = listenerPlaces.counters(slot);
    const open = counters[first + listenerCell.accepted]! - counters[first + listenerCell.ended]!;
    if (open === 0) continue;
    counters[first + listenerCell.ended]! += open;
    counters[first + listenerCell.ends + endReasonList.indexOf("worker_died")]! += open;
    Atomics.sub(shared.listenerActive, slot, open);
    Atomics.sub(shared.process, openConnections, open);
  }
  for (let slot = 0; slot < backendCapacity; slot++) {
    const first = backendPlaces.counters(slot);
    close(counters, first + backendCell.leased, first + backendCell.released, shared.backendActive, slot);
  }
  for (let slot = 0; slot < poolCapacity; slot++) {
    const first = poolPlaces.counters(slot);
    close(counters, first + poolCell.leased, first + poolCell.released, shared.poolActive, slot);
    close(counters, first + poolCell.retried, first + poolCell.settled, shared.poolRetries, slot);
    close(counters, first + poolCell.queued, first + poolCell.dequeued, shared.poolWaiting, slot);
    // What it held is free, and it may have been the one that was told of the last place.
    ringNews(shared, slot);
  }
}

/** Counts as fallen what has risen and not fallen yet, in the shared cell too. */
function close(
  counters: CounterMemory,
  risen: number,
  fallen: number,
  shared: Int32Array<SharedArrayBuffer>,
  slot: number,
): void {
  const open = counters[risen]! - counters[fallen]!;
  if (open === 0) return;
  counters[fallen]! += open;
  Atomics.sub(shared, slot, open);
}
