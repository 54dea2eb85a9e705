import { backendSideLimits } from "../../http/http2/limits.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { Timed } from "../open.ts";
import type { Dial } from "./dial.ts";
import { type Carriers, Http2Upstream, type SharedWiring } from "./http2.ts";
import type { BackendStream, StreamWaiter } from "./http2-stream.ts";

/** How long a backend that has chosen HTTP/1.1 is not asked again, in milliseconds. */
const longestChoice = 60_000;

/** All connections to one backend. */
interface Group {
  readonly address: string;
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

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /**
   * @param now by performance.now().
   * @returns a stream on a connection to the backend; undefined: it speaks HTTP/1.1, as far as is known.
   */
  join(
    backend: PlacedBackend,
    by: SharedWiring,
    waiter: StreamWaiter,
    now: number,
  ): BackendStream | undefined {
    const { version } = by.definition.http;
    if (version === "1.1" || (version === "auto" && by.sharedTls === undefined)) return undefined;
    const group = this.#groupOf(backend);
    if (version === "auto" && now < group.plainUntil) return undefined;
    return this.#withRoom(group, backend, by).join(waiter);
  }

  #groupOf({ slot, address }: PlacedBackend): Group {
    const found = this.#bySlot.get(slot);
    if (found?.address === address) return found;
    if (found !== undefined) drainAll(found.connections);
    const group = { address, connections: new Set<Http2Upstream>(), mostStreams, plainUntil: 0 };
    this.#bySlot.set(slot, group);
    return group;
  }

  #withRoom(group: Group, backend: PlacedBackend, by: SharedWiring): Http2Upstream {
    for (const connection of group.connections) {
      group.mostStreams = Math.min(mostStreams, connection.mostStreams ?? group.mostStreams);
      if (connection.wiring !== by.wiring) connection.drain();
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
    this.#open.delete(connection);
    const { slot } = connection.upstream.backend;
    const group = this.#bySlot.get(slot);
    if (group?.connections.delete(connection) && group.connections.size === 0 && group.plainUntil === 0)
      this.#bySlot.delete(slot);
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
    for (const connection of this.#open) connection.endIfOverdue(now);
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
