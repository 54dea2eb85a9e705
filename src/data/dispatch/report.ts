import { backendCell, type CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { EndReason } from "../../model/reasons.ts";

/**
 * The least latency that a failed attempt counts for, in milliseconds: a quick refusal is not an answer.
 */
export const failureLatency = 1000;

/** The memory in which a worker reports how backends fare. */
export interface ReportMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
}

/** A session failed on the backend, before it heard anything from it. */
export function reportFailure(
  { shared, counters }: ReportMemory,
  { slot, counters: first }: PlacedBackend,
): void {
  counters[first + backendCell.failed]! += 1;
  Atomics.add(shared.backendErrors, slot, 1);
}

/** The backend serves. Where that is no news it costs one read. */
export function reportSuccess(
  { shared: { backendErrors }, counters }: ReportMemory,
  { slot, counters: first }: PlacedBackend,
): void {
  counters[first + backendCell.served]! += 1;
  if (backendErrors[slot] !== 0) Atomics.store(backendErrors, slot, 0);
}

/** A session ended on a connected backend from which no byte came. A backend that closed in silence says nothing either way. */
export function reportSilence(memory: ReportMemory, backend: PlacedBackend, reason: EndReason): void {
  if (reason === "backend_reset" || reason === "backend_stalled") reportFailure(memory, backend);
  else if (reason === "client_closed") reportSuccess(memory, backend);
}
