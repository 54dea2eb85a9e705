import type { OverloadCause } from "../../model/overload.ts";

/** The most of a worker's new requests that are refused for its event loop, of a thousand: the rest shows whether it got better. */
const mostShed = 950;
/** How much more is refused at each look while it is late, of a thousand, for each time that it is as late as it may be. */
const step = 100;
/** How much less while it is not. */
const relief = 25;
/** A single pause, such as one of the garbage collector, is no overload. */
const leastLooks = 2;

/** How a worker sheds load. */
export interface Shedding {
  /** How many of a thousand new requests are refused. */
  readonly share: number;
  /** How often in a row it was late. */
  readonly late: number;
}

export const noShedding: Shedding = { share: 0, late: 0 };

/**
 * The share to refuse from now on: more while the event loop is late, less while it is not, so that the share comes to rest
 * where the loop is just in time.
 * @param delay how late it was at this look, and `limit` how late it may be, in milliseconds.
 */
export function nextShedding({ share, late }: Shedding, delay: number, limit: number): Shedding {
  if (delay <= limit)
    return share === 0 && late === 0 ? noShedding : { share: Math.max(0, share - relief), late: 0 };
  if (late + 1 < leastLooks) return { share, late: late + 1 };
  const more = step * Math.min(3, delay / limit);
  return { share: Math.min(mostShed, Math.round(share + more)), late: late + 1 };
}

/** @param random uniform in [0, 1). @returns why a new request is refused; undefined: it is not. */
export function refusalByLoad(
  { share, isMemoryShort }: { readonly share: number; readonly isMemoryShort: boolean },
  random: () => number = Math.random,
): Extract<OverloadCause, "event_loop" | "memory"> | undefined {
  if (isMemoryShort) return "memory";
  return share > 0 && random() * 1_000 < share ? "event_loop" : undefined;
}
