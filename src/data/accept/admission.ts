import { listenerCell, rejectReasonList } from "../../channel/counters.ts";
import { mostConnections, openConnections } from "../../channel/memory.ts";
import type { AddressRefusal, RejectReason } from "../../model/reasons.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { type AdmissionFacts, type OpenConnections, refusalAtAccept } from "../decide/admission.ts";
import type { AcceptingListener, AcceptingPlane } from "./accepting.ts";
import { uncounted } from "./addresses.ts";

/**
 * Counts a connection in, or refuses it and counts that; {@link release} must follow when an admitted one has ended.
 * @param peer its address, IPv4-mapped ones unmapped; empty: unknown, or a unix socket's client.
 * @returns the place of the client's address, for `release`; undefined: refused.
 */
export function admit(listener: AcceptingListener, plane: AcceptingPlane, peer: string): number | undefined {
  entry.begin(listener, plane, peer);
  const reason = refusalAtAccept(listener, entry);
  const place = entry.end(reason === undefined);
  if (reason !== undefined) return refused(listener, plane, reason);
  plane.counters[listener.definition.counters + listenerCell.accepted]! += 1;
  return place;
}

/** Counts a connection in, so that limits are exact over all workers: first in, then a look at the total. */
class Entry implements AdmissionFacts, OpenConnections {
  inListener = 0;
  inProcess = 0;
  #listener: AcceptingListener | undefined = undefined;
  #plane: AcceptingPlane | undefined = undefined;
  #peer = "";
  /** Where the client's address is counted. */
  #place = uncounted;
  #entered = false;

  begin(listener: AcceptingListener, plane: AcceptingPlane, peer: string): void {
    this.#listener = listener;
    this.#plane = plane;
    this.#peer = peer;
    this.#place = uncounted;
    this.#entered = false;
  }

  trusted(): boolean {
    return this.#listener!.trusts(this.#peer);
  }

  addressRefusal(): AddressRefusal | undefined {
    const place = enterAddress(this.#listener!, this.#peer);
    if (typeof place === "string") return place;
    this.#place = place;
    return undefined;
  }

  handshakes(): number {
    return this.#plane!.handshakes[this.#listener!.definition.slot]!;
  }

  openConnections(): OpenConnections {
    const { shared, worker } = this.#plane!;
    this.#entered = true;
    this.inProcess = Atomics.add(shared.process, openConnections, 1);
    Atomics.add(shared.workerOpen, worker, 1);
    this.inListener = Atomics.add(shared.listenerActive, this.#listener!.definition.slot, 1);
    return this;
  }

  get mostInProcess(): number {
    return this.#plane!.shared.process[mostConnections]!;
  }

  /** Forgets the connection; if it is refused, takes back what was counted. @returns the place of its address. */
  end(admitted: boolean): number {
    if (!admitted) {
      if (this.#entered) leave(this.#listener!.definition, this.#plane!);
      this.#listener!.addresses?.release(this.#place);
    }
    this.#listener = undefined;
    this.#plane = undefined;
    return this.#place;
  }
}

/** The one of a worker, so that nothing is allocated per connection. */
const entry = new Entry();

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
  const place = enterAddress(listener, address);
  if (typeof place === "string") refused(listener, plane, place);
  return place;
}

function enterAddress({ addresses }: AcceptingListener, address: string): AddressRefusal | number {
  return addresses === undefined ? uncounted : addresses.admit(address);
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

/** Counts a handshake that begins or is over, one way or the other. */
export function countPending(
  { definition, secures }: AcceptingListener,
  plane: AcceptingPlane,
  change: 1 | -1,
): void {
  if (secures) plane.handshakes[definition.slot]! += change;
}

function leave(listener: PlacedListener, { shared, worker }: AcceptingPlane): void {
  Atomics.sub(shared.process, openConnections, 1);
  Atomics.sub(shared.workerOpen, worker, 1);
  Atomics.sub(shared.listenerActive, listener.slot, 1);
}
