import type { SharedMemory } from "./memory.ts";

/*
 * How sessions that wait for a backend hear that there may be one, in whatever worker they are. Every pool has two
 * bells, cells on which a worker waits (`Atomics.waitAsync`) while it has sessions waiting. A change that may help them
 * is made first, and then its maker looks whether anybody waits. A session that waits is counted first, and then it
 * looks whether it still has to. So nobody sleeps through a change, and where nobody waits, ringing costs one read.
 */

/** Cells of a pool's bells. */
const bell = { room: 0, news: 1 } as const;

export const bellOf = (poolSlot: number, which: keyof typeof bell): number => 2 * poolSlot + bell[which];

/** A backend has room for one session more: tells the worker that has listened longest. */
export function ringRoom(shared: SharedMemory, poolSlot: number): void {
  if (Atomics.load(shared.poolWaiting, poolSlot) > 0) ring(shared, bellOf(poolSlot, "room"), 1);
}

/** Something else may let sessions go on: tells every worker. */
export function ringNews(shared: SharedMemory, poolSlot: number): void {
  if (Atomics.load(shared.poolWaiting, poolSlot) > 0)
    ring(shared, bellOf(poolSlot, "news"), Number.POSITIVE_INFINITY);
}

function ring({ bells }: SharedMemory, index: number, listeners: number): void {
  Atomics.add(bells, index, 1);
  Atomics.notify(bells, index, listeners);
}

/**
 * Counts one in, unless there are `most` already: exact over all workers, however many of them try at the same time.
 * @returns whether it was.
 */
export function addUpTo(cells: Int32Array<SharedArrayBuffer>, index: number, most: number): boolean {
  let before = Atomics.load(cells, index);
  while (before < most) {
    const found = Atomics.compareExchange(cells, index, before, before + 1);
    if (found === before) return true;
    before = found;
  }
  return false;
}
