import type { SharedMemory } from "../../channel/memory.ts";
import type { EndReason } from "../../model/reasons.ts";

/**
 * The least latency that a failed attempt counts for, in milliseconds: a quick refusal is not an answer.
 */
export const failureLatency = 1000;

/** A session failed on the backend, before it heard anything from it. */
export function reportFailure({ backendErrors }: SharedMemory, slot: number): void {
  Atomics.add(backendErrors, slot, 1);
}

/** The backend serves. Where that is no news it costs one read. */
export function reportSuccess({ backendErrors }: SharedMemory, slot: number): void {
  if (backendErrors[slot] !== 0) Atomics.store(backendErrors, slot, 0);
}

/** A session ended on a connected backend from which no byte came. A backend that closed in silence says nothing either way. */
export function reportSilence(shared: SharedMemory, slot: number, reason: EndReason): void {
  if (reason === "backend_reset" || reason === "backend_stalled") reportFailure(shared, slot);
  else if (reason === "client_closed") reportSuccess(shared, slot);
}
