import { backendCell } from "../../channel/counters.ts";
import { backendFlag } from "../../channel/memory.ts";
import { backendSideLimits } from "../../http/http2/limits.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { Timed } from "../open.ts";
import type { Dial } from "./dial.ts";
import { type Carriers, Http2Upstream } from "./http2.ts";
import type { BackendStream, StreamWaiter } from "./http2-stream.ts";
import type { BackendMemory } from "./kept.ts";
import type { Wiring } from "./wiring.ts";

/** How long a backend that has chosen HTTP/1.1 is not asked again, in milliseconds. */
const longestChoice = 60_000;

/** All connections to one backend. */
interface Group {
  readonly backend: PlacedBackend;
  /** Those that may take requests, the oldest first. */
  readonly connections: Set<Http2Upstream>;
  /** The most streams that it took on its newest connection. */
  mostStreams: number;
  /** Until when it is taken to speak HTTP/1.1, by performance.now(). */
  plainUntil: number;
}

/**
 * The connections to backends that speak HTTP/2, of one worker: one for each backend, and another one only where the
 * streams of that are used up. None of them holds a lease.
 */
export class SharedUpstreams implements Timed, Carriers {
  /** By the backends' slots. A slot may have had another backend before. */
  readonly #bySlot = new Map<number, Group>();
  /** All that are open, also those that take no more requests. */
  readonly #open = new Set<Http2Upstream>();
  readonly #dial: Dial;
  readonly #memory: BackendMemory;

  /** @param memory whose counters may be replaced when they grow. */
  constructor(dial: Dial, memory: BackendMemory) {
    this.#dial = dial;
    this.#memory = memory;
  }

  /**
   * @param now by performance.now().
   * @returns a stream on a connection to the backend; undefined: it speaks HTTP/1.1, as far as is known.
   */
  join(backend: PlacedBackend, by: Wiring, waiter: StreamWaiter, now: number): BackendStream | undefined {
    const { version } = by.definition.http;
    if (version === "1.1" || (version === "auto" && by.sharedTls === undefined)) return undefined;
    // The header of one client would stand for all of them.
    if (by.proxyProtocol !== undefined) return undefined;
    const group = this.#groupOf(backend);
    if (version === "auto" && now < group.plainUntil) return undefined;
    return this.#withRoom(group, backend, by).join(waiter);
  }

  #groupOf(backend: PlacedBackend): Group {
    const { slot, address } = backend;
    const found = this.#bySlot.get(slot);
    if (found?.backend.address === address) return found;
    if (found !== undefined) drainAll(found.connections);
    const group = { backend, connections: new Set<Http2Upstream>(), mostStreams, plainUntil: 0 };
    this.#bySlot.set(slot, group);
    return group;
  }

  #withRoom(group: Group, backend: PlacedBackend, by: Wiring): Http2Upstream {
    for (const connection of group.connections) {
      group.mostStreams = Math.min(mostStreams, connection.mostStreams ?? group.mostStreams);
      if (connection.upstream.wiring !== by) connection.drain();
      else if (connection.room(group.mostStreams) > 0) return connection;
    }
    const made = new Http2Upstream(this.#dial, backend, by, this);
    // Draining its last connection may have ended that, and the group with it.
    this.#bySlot.set(backend.slot, group);
    group.connections.add(made);
    this.#open.add(made);
    return made;
  }

  gone(connection: Http2Upstream): void {
    if (!this.#open.delete(connection)) return;
    connection.count(this.#memory.counters);
    const { slot } = connection.upstream.backend;
    const group = this.#bySlot.get(slot);
    if (group?.connections.delete(connection) !== true) return;
    this.#show(group);
    if (group.connections.size === 0 && group.plainUntil === 0) this.#bySlot.delete(slot);
  }

  /** Lets the metrics of its backend see how many connections and requests there are now. */
  #show({ backend, connections }: Group): void {
    const { counters } = this.#memory;
    let [ready, streams] = [0, 0];
    for (const connection of connections) {
      if (connection.isReady) ready++;
      streams += connection.streams;
    }
    counters[backend.counters + backendCell.http2Connections] = ready;
    counters[backend.counters + backendCell.http2Streams] = streams;
  }

  declined(connection: Http2Upstream): void {
    const group = this.#bySlot.get(connection.upstream.backend.slot);
    if (group?.connections.has(connection)) group.plainUntil = performance.now() + longestChoice;
    this.gone(connection);
  }

  /** Those to a backend that is to get nothing any more end with their last request. */
  vacate(slot: number): void {
    drainAll(this.#bySlot.get(slot)?.connections ?? []);
  }

  endIfOverdue(now: number): void {
    const { counters, shared } = this.#memory;
    for (const connection of this.#open) {
      connection.endIfOverdue(now);
      connection.count(counters);
    }
    for (const [slot, group] of this.#bySlot) {
      this.#show(group);
      // It gets no more requests, but of clients that it keeps by a cookie.
      if ((shared.backendFlags[slot]! & backendFlag.draining) !== 0) drainAll(group.connections);
    }
  }

  /** Ends all. */
  close(): void {
    for (const connection of this.#open) connection.end();
  }

  get size(): number {
    return this.#open.size;
  }
}

const { streams: mostStreams } = backendSideLimits;

function drainAll(connections: Iterable<Http2Upstream>): void {
  for (const connection of connections) connection.drain();
}
