import { type CounterMemory, listenerCell, rejectReasonList } from "../../channel/counters.ts";
import { mostConnections, openConnections, type SharedMemory } from "../../channel/memory.ts";
import type { RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

const noLimit = 2 ** 31 - 1;

/**
 * Counts a connection in, exactly over all workers: first in, then a look at the total, then out again if it was one
 * too many.
 * @returns why it must be refused, or undefined: then {@link release} must follow when it has ended.
 */
export function admit(
  listener: PlacedListener,
  shared: SharedMemory,
  counters: CounterMemory,
): RejectReason | undefined {
  const inProcess = Atomics.add(shared.process, openConnections, 1);
  const inListener = Atomics.add(shared.listenerActive, listener.slot, 1);
  const reason =
    inListener >= (listener.maxConnections ?? noLimit)
      ? "max_connections"
      : inProcess >= shared.process[mostConnections]!
        ? "file_descriptors"
        : undefined;
  if (reason === undefined) {
    counters[listener.counters + listenerCell.accepted]! += 1;
    return undefined;
  }
  leave(listener, shared);
  reject(listener, counters, reason);
  return reason;
}

/** Counts a connection that is refused. */
export function reject(listener: PlacedListener, counters: CounterMemory, reason: RejectReason): void {
  counters[listener.counters + listenerCell.rejected + rejectReasonList.indexOf(reason)]! += 1;
}

/** Counts an admitted connection out. */
export function release(listener: PlacedListener, shared: SharedMemory, counters: CounterMemory): void {
  leave(listener, shared);
  counters[listener.counters + listenerCell.ended]! += 1;
}

function leave(listener: PlacedListener, shared: SharedMemory): void {
  Atomics.sub(shared.process, openConnections, 1);
  Atomics.sub(shared.listenerActive, listener.slot, 1);
}
