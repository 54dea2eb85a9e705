import { addUpTo } from "../../../channel/bells.ts";
import { listenerCell } from "../../../channel/counters.ts";
import { memoryShort, mostRequests, noLimit, openRequests } from "../../../channel/memory.ts";
import type { OverloadCause } from "../../../model/overload.ts";
import type { PlacedListener } from "../../../model/snapshot.ts";
import { refusalByLoad } from "../../decide/overload.ts";
import type { HttpPlane } from "./plane.ts";

/** A request's place among those under way. `none`: their number is limited nowhere, so nobody counts. */
export type RequestPlace = "counted" | "none";

/**
 * Takes a place for a request that is to go to a backend: {@link leavePlace} must follow where it was counted. Exact over
 * all workers.
 * @param most of its listener; 0: no limit.
 * @returns why there is none.
 */
export function takePlace(
  { shared, counters, load }: HttpPlane,
  { slot, counters: first }: PlacedListener,
  most: number,
): RequestPlace | { readonly refused: OverloadCause } {
  const { process, listenerRequests } = shared;
  const isMemoryShort = load.isHeapShort || process[memoryShort] !== 0;
  const refused = refusalByLoad({ share: load.share, isMemoryShort });
  if (refused !== undefined) return { refused };
  const mostOfAll = process[mostRequests]!;
  if (most === 0 && mostOfAll === noLimit) return "none";
  if (!addUpTo(listenerRequests, slot, most === 0 ? noLimit : most)) return { refused: "listener_requests" };
  if (!addUpTo(process, openRequests, mostOfAll)) {
    Atomics.sub(listenerRequests, slot, 1);
    return { refused: "process_requests" };
  }
  counters[first + listenerCell.requestsBegun]! += 1;
  return "counted";
}

export function leavePlace({ shared, counters }: HttpPlane, { slot, counters: first }: PlacedListener): void {
  counters[first + listenerCell.requestsOver]! += 1;
  Atomics.sub(shared.process, openRequests, 1);
  Atomics.sub(shared.listenerRequests, slot, 1);
}
