import { backendCell, type CounterMemory, connectFailureList, poolCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import { type ConnectFailure, connectFailures } from "../../model/connect-failures.ts";
import type { EndReason } from "../../model/reasons.ts";
import type { Latencies } from "../pick/latency.ts";
import type { ServedPool } from "./pool.ts";

/**
 * The least latency that a failed attempt counts for, in milliseconds: a quick refusal is not an answer.
 */
const failureLatency = 1000;

/** The memory in which a worker reports how backends fare. */
export interface ReportMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
}

/** The part of a pool whose backends are reported. */
type ReportedPool = Pick<ServedPool, "definition" | "latencies">;

/** A backend is connected. @param took in milliseconds. @param awaitsAnswer whether its answer is told of as well. */
export function reportConnected(
  { counters }: ReportMemory,
  { definition, latencies }: ReportedPool,
  backend: PlacedBackend,
  took: number,
  awaitsAnswer: boolean,
): void {
  counters[backend.counters + backendCell.connected]! += 1;
  recordValue(counters, definition.counters + poolCell.connectDuration, took * 1000);
  // A slow backend may be quick to connect: where an answer follows, that alone shows how it does.
  if (!awaitsAnswer) latencies?.waited(backend.slot, took);
}

/** A backend could not be connected. @param took in milliseconds. */
export function reportConnectFailure(
  memory: ReportMemory,
  { definition, latencies }: ReportedPool,
  backend: PlacedBackend,
  failure: ConnectFailure,
  took: number,
): void {
  const { counters } = memory;
  counters[definition.counters + poolCell.connectFailures]! += 1;
  counters[backend.counters + backendCell.failures + connectFailureList.indexOf(failure)]! += 1;
  if (connectFailures[failure].origin !== "backend") return;
  reportFailure(memory, backend);
  latencies?.waited(backend.slot, Math.max(took, failureLatency));
}

/**
 * A connected backend has answered.
 * @param waited for that, in milliseconds; any number without latencies.
 * @param serves false: its answer says that it does not.
 */
export function reportAnswer(
  memory: ReportMemory,
  latencies: Latencies | undefined,
  backend: PlacedBackend,
  waited: number,
  serves: boolean,
): void {
  if (serves) {
    reportSuccess(memory, backend);
    latencies?.answered(backend.slot, waited);
  } else {
    reportFailure(memory, backend);
    // A backend that refuses quickly is not to look fast.
    latencies?.waited(backend.slot, Math.max(waited, failureLatency));
  }
}

/**
 * A session ended on a connected backend from which no byte came. A backend that closed in silence says nothing either way.
 * @param waited for its answer, in milliseconds; 0: it was asked nothing.
 */
export function reportSilence(
  memory: ReportMemory,
  latencies: Latencies | undefined,
  backend: PlacedBackend,
  waited: number,
  reason: EndReason,
): void {
  if (reason === "backend_reset" || reason === "backend_stalled") reportFailure(memory, backend);
  else if (reason === "client_closed") reportSuccess(memory, backend);
  // An answer would have taken longer still.
  if (reason !== "backend_closed") latencies?.waited(backend.slot, waited);
}

/** A session failed on the backend, before it heard anything from it. */
function reportFailure({ shared, counters }: ReportMemory, { slot, counters: first }: PlacedBackend): void {
  counters[first + backendCell.failed]! += 1;
  Atomics.add(shared.backendErrors, slot, 1);
}

/** The backend serves. Where that is no news it costs one read. */
function reportSuccess(
  { shared: { backendErrors }, counters }: ReportMemory,
  { slot, counters: first }: PlacedBackend,
): void {
  counters[first + backendCell.served]! += 1;
  if (backendErrors[slot] !== 0) Atomics.store(backendErrors, slot, 0);
}
