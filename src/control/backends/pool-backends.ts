import { setTimeout as sleep } from "node:timers/promises";
import type { DiscoverySource } from "../../discovery/source.ts";
import type { Backend } from "../../model/backend.ts";
import type { DiscoverySpec, Pool } from "../../model/pool.ts";
import type { Logger } from "../../observe/logger.ts";
import type { Store } from "../state/store.ts";
import { Discovery } from "./discovery.ts";
import { OwnBackends } from "./own-backends.ts";
import { longestFirstCheck } from "./unchecked.ts";

/** Gives the source of a pool's backends. */
export type Discover = (spec: DiscoverySpec) => DiscoverySource;

/** The parts of the control plane that the backends of pools concern. */
export interface BackendSurroundings {
  readonly store: Store;
  readonly logger: Logger;
  readonly discover: Discover;
  /** Gives back the places of backends that left. */
  readonly settle: () => void;
  /** Tells everyone what was touched. */
  readonly spread: () => void;
}

/** Has pools served the backends that are found for them. */
export class PoolBackends {
  readonly #with: BackendSurroundings;
  readonly #own: OwnBackends;
  #stopped = false;

  constructor(surroundings: BackendSurroundings) {
    this.#with = surroundings;
    this.#own = new OwnBackends(surroundings.store, surroundings.logger);
  }

  /** Begins to look for a pool's backends; what is found is not served yet. */
  discover({ name, discovery }: Pool): Discovery {
    const { store, logger, discover } = this.#with;
    const before = store.pool(name)?.discovery;
    const serves = (): boolean => (store.pool(name)?.placed.backends.length ?? 0) > 0;
    return new Discovery(name, discover(discovery), before, logger, serves);
  }

  /** Serves the backends that a pool's discovery finds, from now on. */
  follow(name: string, discovery: Discovery): void {
    const { store, spread } = this.#with;
    const pool = store.pool(name)!;
    pool.discovery?.stop();
    pool.discovery = discovery;
    if (this.#stopped) discovery.stop();
    discovery.handOn((backends) => {
      this.place(name, backends);
      spread();
    });
    // Until then, sessions of a new pool wait for its backends.
    void Promise.race([discovery.firstAnswer, aWhile()]).then(() => {
      if (store.endWarming(name)) spread();
    });
  }

  /** These are a pool's backends from now on. */
  place(pool: string, backends: readonly Backend[]): void {
    const { store, logger, settle } = this.#with;
    settle();
    const homeless = store.setBackends(pool, this.#own.without(pool, backends));
    if (homeless > 0)
      logger.error({ pool, left_out: homeless }, "more backends than umay has room for; some are left out");
  }

  /** Nobody looks for backends any more; those that there are stay. */
  stop(): void {
    this.#stopped = true;
    for (const { discovery } of this.#with.store.pools) discovery?.stop();
  }
}

/** Time to find things out before sessions come; the rest is found out meanwhile. */
export const aWhile = (): Promise<void> => sleep(longestFirstCheck, undefined, { ref: false });
