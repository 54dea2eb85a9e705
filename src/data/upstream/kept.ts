import { backendCell, type CounterMemory } from "../../channel/counters.ts";
import { backendFlag, type SharedMemory } from "../../channel/memory.ts";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { PoolHttp } from "../../model/http/backend.ts";
import type { Timed } from "../open.ts";
import type { Http1Upstream, Keeper } from "./http1.ts";
import type { Wiring } from "./wiring.ts";

interface Kept {
  readonly connection: Http1Upstream;
  /** By performance.now(). */
  readonly until: number;
}

/** The memory that it reads and counts in. */
export interface BackendMemory {
  readonly shared: Pick<SharedMemory, "backendFlags">;
  readonly counters: CounterMemory;
}

/**
 * The idle connections to backends that speak HTTP/1, of one worker. None of them holds a lease. The one that was used
 * last is used first, so that those that are too many grow old.
 */
export class KeptUpstreams implements Timed, Keeper {
  /** By the backends' slots; lists that are empty go with the next sweep. A slot may have had another backend before. */
  readonly #bySlot = new Map<number, Kept[]>();
  readonly #memory: BackendMemory;

  /** @param memory whose counters may be replaced when they grow. */
  constructor(memory: BackendMemory) {
    this.#memory = memory;
  }

  /** @param now by performance.now(). */
  keep(
    connection: Http1Upstream,
    { idle, maxIdlePerBackend }: Pick<PoolHttp, "idle" | "maxIdlePerBackend">,
    now: number,
  ): void {
    if (idle === 0 || maxIdlePerBackend === 0) {
      connection.leave();
      return;
    }
    const { slot } = connection.upstream.backend;
    let list = this.#bySlot.get(slot);
    if (list === undefined) {
      list = [];
      this.#bySlot.set(slot, list);
    }
    if (list.length >= maxIdlePerBackend) this.#close(list.shift()!);
    this.#memory.counters[connection.upstream.backend.counters + backendCell.kept]! += 1;
    list.push({ connection, until: now + idle });
    connection.rest(this);
  }

  /**
   * @param wiring one that was made in another way is closed.
   * @param now by performance.now(): one that is too old is closed, though the sweep has not found it yet. The backend may
   * be about to close it too.
   * @returns a connection that is idle no more, its user's from now on; undefined: there is none.
   */
  take(backend: PlacedBackend, wiring: Wiring, now: number): Http1Upstream | undefined {
    const list = this.#bySlot.get(backend.slot);
    for (let kept = list?.pop(); kept !== undefined; kept = list!.pop()) {
      const { connection } = kept;
      if (
        connection.upstream.wiring === wiring &&
        now <= kept.until &&
        isSame(connection.upstream.backend, backend) &&
        connection.isIdle
      ) {
        connection.wake();
        this.#count(connection);
        return connection;
      }
      this.#close(kept);
    }
    return undefined;
  }

  #close({ connection }: Kept): void {
    this.#count(connection);
    connection.leave();
  }

  /** It is idle no more. */
  #count({ upstream }: Http1Upstream): void {
    this.#memory.counters[upstream.backend.counters + backendCell.unkept]! += 1;
  }

  forget(connection: Http1Upstream): void {
    const { slot } = connection.upstream.backend;
    this.#leaveThose(slot, (kept) => kept.connection === connection);
  }

  /** Closes those to a backend that is to get nothing any more. */
  vacate(slot: number): void {
    this.#leaveThose(slot, () => true);
  }

  endIfOverdue(now: number): void {
    const { backendFlags } = this.#memory.shared;
    for (const slot of this.#bySlot.keys()) {
      // It gets no more requests, but of clients that it keeps by a cookie.
      const drains = (backendFlags[slot]! & backendFlag.draining) !== 0;
      this.#leaveThose(slot, ({ until }) => drains || now > until);
    }
  }

  /** Closes all. */
  close(): void {
    for (const slot of this.#bySlot.keys()) this.vacate(slot);
  }

  get size(): number {
    let size = 0;
    for (const list of this.#bySlot.values()) size += list.length;
    return size;
  }

  #leaveThose(slot: number, isOver: (kept: Kept) => boolean): void {
    const list = this.#bySlot.get(slot);
    if (list === undefined) return;
    for (let at = list.length - 1; at >= 0; at--) if (isOver(list[at]!)) this.#close(list.splice(at, 1)[0]!);
    if (list.length === 0) this.#bySlot.delete(slot);
  }
}

const isSame = (one: Backend, other: Backend): boolean => one.address === other.address;
