import type { Listener } from "../../model/listener.ts";
import type { Pool } from "../../model/pool.ts";

/** For the first check of a backend, and for a place in the retry budget, in milliseconds. */
const shortWaits = 3_000;
/** Node makes one millisecond of a longer timer. */
const longestTimer = 2 ** 31 - 1;

/** The PROXY header, the hello and the rest of the handshake each have their time. */
const longestFirstWords = ({
  timeouts,
  proxyProtocol,
}: Pick<Listener, "timeouts" | "proxyProtocol">): number =>
  (proxyProtocol?.timeout ?? 0) + 2 * timeouts.handshake;

interface Left {
  readonly pool: Pool;
  readonly timer: NodeJS.Timeout;
}

/**
 * Pools that left the configuration, for as long as a session that began before may still be about to get a backend of
 * them: no connection is refused because of a reload.
 */
export class Lingering {
  readonly #over: (pool: string) => void;
  readonly #left = new Map<string, Left>();

  /** @param over is told of each pool whose time is over. */
  constructor(over: (pool: string) => void) {
    this.#over = over;
  }

  get pools(): readonly Pool[] {
    return [...this.#left.values()].map(({ pool }) => pool);
  }

  /** @param listeners that may have sent sessions to the pool. */
  add(pool: Pool, listeners: readonly Pick<Listener, "timeouts" | "proxyProtocol">[]): void {
    const { connect, queue } = pool;
    const choosing = Math.max(0, ...listeners.map(longestFirstWords)) + queue.timeout + shortWaits;
    const timer = setTimeout(
      () => {
        this.#left.delete(pool.name);
        this.#over(pool.name);
      },
      Math.min(choosing + connect.timeout * connect.attempts, longestTimer),
    );
    this.#left.set(pool.name, { pool, timer: timer.unref() });
  }

  /** These are in the configuration again. */
  keepOut(names: ReadonlySet<string>): void {
    for (const [name, { timer }] of this.#left)
      if (names.has(name)) {
        clearTimeout(timer);
        this.#left.delete(name);
      }
  }

  /** All that are there stay. */
  stop(): void {
    for (const { timer } of this.#left.values()) clearTimeout(timer);
  }
}
