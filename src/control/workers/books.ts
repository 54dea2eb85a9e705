import { ringNews } from "../../channel/bells.ts";
import { backendCell, type CounterMemory, endReasonList, listenerCell } from "../../channel/counters.ts";
import { countersOf, gaugesOf, kindNames } from "../../channel/layout.ts";
import { openConnections, openRequests, type SharedMemory, usedSlots } from "../../channel/memory.ts";

/**
 * A dead worker's connections and sessions ended with it: its counters say how many were open and where.
 * @returns how many connections it left open: the system closed them, and no line in the log tells of them.
 */
export function closeBooks(counters: CounterMemory, shared: SharedMemory): number {
  const leftOpen = endConnections(counters, shared);
  for (const kind of kindNames)
    for (const { gauge, rises, falls } of gaugesOf(kind))
      for (let slot = 0; slot < usedSlots(shared, kind); slot++) {
        const first = countersOf(kind, slot);
        const open = counters[first + rises]! - counters[first + falls]!;
        if (open === 0) continue;
        counters[first + falls]! += open;
        Atomics.sub(shared[gauge], slot, open);
      }
  for (let slot = 0; slot < usedSlots(shared, "backend"); slot++) {
    const first = countersOf("backend", slot);
    counters[first + backendCell.unkept] = counters[first + backendCell.kept]!;
    counters[first + backendCell.http2Connections] = counters[first + backendCell.http2Streams] = 0;
  }
  // The places that it held are free, and it may have been the one that was told of the last place.
  for (let slot = 0; slot < usedSlots(shared, "pool"); slot++) ringNews(shared, slot);
  return leftOpen;
}

/** Of each that was open it is told why it ended, and the process has it no more. */
function endConnections(counters: CounterMemory, shared: SharedMemory): number {
  let total = 0;
  const died = listenerCell.ends + endReasonList.indexOf("worker_died");
  for (let slot = 0; slot < usedSlots(shared, "listener"); slot++) {
    const first = countersOf("listener", slot);
    const open = counters[first + listenerCell.accepted]! - counters[first + listenerCell.ended]!;
    counters[first + died]! += open;
    Atomics.sub(shared.process, openConnections, open);
    const requests =
      counters[first + listenerCell.requestsBegun]! - counters[first + listenerCell.requestsOver]!;
    Atomics.sub(shared.process, openRequests, requests);
    counters[first + listenerCell.http2Over] = counters[first + listenerCell.http2Begun]!;
    total += open;
  }
  return total;
}
