import type { Logger } from "pino";
import {
  type CounterMemory,
  listenerCell,
  rejectReasonList,
  requestOutcomeList,
  sumCells,
} from "../../channel/counters.ts";
import { rejectReasons, requestReasons } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

/** One line for each listener and reason, at most once in this many milliseconds. */
const period = 1000;

/** A count that is told of, and its words. */
interface Told {
  /** Among the listener's counters. */
  readonly cell: number;
  readonly reason: string;
  readonly text: string;
}

const told: readonly Told[] = [
  ...rejectReasonList.map((reason, index) => ({
    cell: listenerCell.rejected + index,
    reason,
    text: `refused connections: ${rejectReasons[reason].text}`,
  })),
  {
    cell: listenerCell.requests + requestOutcomeList.indexOf("overloaded"),
    reason: "overloaded",
    text: `refused requests: ${requestReasons.overloaded.text}`,
  },
];

/**
 * Logs refused connections, and requests that are refused because of load: however many there are, at most one line a
 * second for each listener and reason.
 */
export function watchRejections(
  listeners: () => readonly PlacedListener[],
  memories: readonly CounterMemory[],
  logger: Logger,
): { stop(): void } {
  const seen = new Map<number, number>();
  const look = (): void => {
    for (const listener of listeners())
      for (const { cell: offset, reason, text } of told) {
        const cell = listener.counters + offset;
        const total = sumCells(memories, cell);
        const before = seen.get(cell) ?? 0;
        // Less than before: the cell belongs to another listener now.
        const refused = total < before ? total : total - before;
        seen.set(cell, total);
        if (refused === 0) continue;
        logger.warn({ listener: listener.name, reason, refused }, text);
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
