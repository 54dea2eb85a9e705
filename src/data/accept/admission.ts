import { listenerCell, rejectReasonList } from "../../channel/counters.ts";
import { mostConnections, openConnections, type SharedMemory } from "../../channel/memory.ts";
import type { AddressRefusal, RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import type { AcceptingListener, AcceptingPlane } from "./accepting.ts";
import { uncounted } from "./addresses.ts";

const noLimit = 2 ** 31 - 1;

/**
 * Counts a connection in, or refuses it and counts that; {@link release} must follow when an admitted one has ended.
 * @param peer its address, IPv4-mapped ones unmapped; empty: unknown, or a unix socket's client.
 * @returns the place of the client's address, for `release`; undefined: refused.
 */
export function admit(listener: AcceptingListener, plane: AcceptingPlane, peer: string): number | undefined {
  const { definition } = listener;
  if (!listener.trusts(peer)) return refused(listener, plane, "proxy_untrusted");
  // Whom a proxy speaks for is asked when its header has come.
  const place = definition.proxyProtocol === undefined ? admitAddress(listener, plane, peer) : uncounted;
  if (typeof place === "string") return undefined;
  const reason = tooManyHandshakes(listener, plane) ?? enter(definition, plane);
  if (reason === undefined) {
    plane.counters[definition.counters + listenerCell.accepted]! += 1;
    return place;
  }
  listener.addresses?.release(place);
  return refused(listener, plane, reason);
}

/**
 * Whether a client with this address may connect now: the listener's lists, then its limits per address. A refusal is
 * counted.
 * @returns why not, or the place of the address, for {@link release}.
 */
export function admitAddress(
  listener: AcceptingListener,
  plane: AcceptingPlane,
  address: string,
): AddressRefusal | number {
  if (listener.addresses === undefined) return uncounted;
  const place = listener.addresses.admit(address);
  if (typeof place === "string") refused(listener, plane, place);
  return place;
}

function refused(
  { definition }: AcceptingListener,
  { counters }: AcceptingPlane,
  reason: RejectReason,
): undefined {
  counters[definition.counters + listenerCell.rejected + rejectReasonList.indexOf(reason)]! += 1;
}

/** Counts an admitted connection out. @param place as {@link admit} gave it. */
export function release(listener: AcceptingListener, plane: AcceptingPlane, place: number): void {
  listener.addresses?.release(place);
  plane.counters[listener.definition.counters + listenerCell.ended]! += 1;
  // Last: without a connection, the control plane may give the counters of a listener that left to another.
  leave(listener.definition, plane);
}

/** What admission looks at besides addresses. */
export type Occupancy = Pick<AcceptingPlane, "shared" | "handshakes">;

/** Why the listener would refuse any connection now; undefined: it would not. Nothing is counted. */
export function refusalOfAny(listener: AcceptingListener, plane: Occupancy): RejectReason | undefined {
  const { shared } = plane;
  const inProcess = Atomics.load(shared.process, openConnections);
  const inListener = Atomics.load(shared.listenerActive, listener.definition.slot);
  return (
    tooManyHandshakes(listener, plane) ??
    tooManyConnections(listener.definition, shared, inListener, inProcess)
  );
}

function tooManyHandshakes(
  { definition, secures }: AcceptingListener,
  plane: Occupancy,
): RejectReason | undefined {
  return secures && plane.handshakes[definition.slot]! >= definition.limits.maxHandshakes
    ? "handshakes"
    : undefined;
}

/** Counts a handshake that begins or is over, one way or the other. */
export function countPending(
  { definition, secures }: AcceptingListener,
  plane: AcceptingPlane,
  change: 1 | -1,
): void {
  if (secures) plane.handshakes[definition.slot]! += change;
}

/** Exact over all workers: first in, then a look at the total, then out again if it was one too many. */
function enter(listener: PlacedListener, plane: AcceptingPlane): RejectReason | undefined {
  const { shared } = plane;
  const inProcess = Atomics.add(shared.process, openConnections, 1);
  Atomics.add(shared.workerOpen, plane.worker, 1);
  const inListener = Atomics.add(shared.listenerActive, listener.slot, 1);
  const reason = tooManyConnections(listener, shared, inListener, inProcess);
  if (reason !== undefined) leave(listener, plane);
  return reason;
}

/** @param inListener open connections without the new one, and so `inProcess`. */
function tooManyConnections(
  listener: PlacedListener,
  shared: SharedMemory,
  inListener: number,
  inProcess: number,
): RejectReason | undefined {
  if (inListener >= (listener.maxConnections ?? noLimit)) return "max_connections";
  return inProcess >= shared.process[mostConnections]! ? "file_descriptors" : undefined;
}

function leave(listener: PlacedListener, { shared, worker }: AcceptingPlane): void {
  Atomics.sub(shared.process, openConnections, 1);
  Atomics.sub(shared.workerOpen, worker, 1);
  Atomics.sub(shared.listenerActive, listener.slot, 1);
}
