import type { Logger } from "pino";
import { type CounterMemory, listenerCell, rejectReasonList, sumCells } from "../../channel/counters.ts";
import { rejectReasons } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

/** One line for each listener and reason, at most once in this many milliseconds. */
const period = 1000;

/** Logs refused connections: however many there are, at most one line a second for each listener and reason. */
export function watchRejections(
  listeners: () => readonly PlacedListener[],
  memories: readonly CounterMemory[],
  logger: Logger,
): { stop(): void } {
  const seen = new Map<number, number>();
  const look = (): void => {
    for (const listener of listeners())
      for (const [index, reason] of rejectReasonList.entries()) {
        const cell = listener.counters + listenerCell.rejected + index;
        const total = sumCells(memories, cell);
        const before = seen.get(cell) ?? 0;
        // Less than before: the cell belongs to another listener now.
        const refused = total < before ? total : total - before;
        seen.set(cell, total);
        if (refused === 0) continue;
        logger.warn(
          { listener: listener.name, reason, refused },
          `refused connections: ${rejectReasons[reason].text}`,
        );
      }
  };
  const timer = setInterval(look, period).unref();
  return {
    stop() {
      clearInterval(timer);
      look();
    },
  };
}
