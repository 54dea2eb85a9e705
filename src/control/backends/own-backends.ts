import { ownAddresses } from "../../lib/own-addresses.ts";
import type { Backend } from "../../model/backend.ts";
import { leadsBack } from "../../model/check/loops.ts";
import type { Logger } from "../../observe/logger.ts";
import type { Store } from "../state/store.ts";

/**
 * Leaves out backends that discovery found at an address of umay itself, where connections to them would come back to
 * their pool. It is said when they are found, not at each further set that has them.
 */
export class OwnBackends {
  readonly #store: Pick<Store, "present" | "pool">;
  readonly #logger: Logger;
  /** By pool: the addresses that were told. */
  readonly #told = new Map<string, ReadonlySet<string>>();

  constructor(store: Pick<Store, "present" | "pool">, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  without(pool: string, backends: readonly Backend[]): readonly Backend[] {
    const listeners = this.#store.present;
    const ports = new Set(
      listeners.flatMap(({ addresses }) => addresses.map((at) => (at.kind === "tcp" ? at.port : at.path))),
    );
    const suspects = backends.filter(({ target }) =>
      ports.has(target.kind === "tcp" ? target.port : target.path),
    );
    const before = this.#told.get(pool);
    this.#told.delete(pool);
    if (suspects.length === 0) return backends;
    const network = {
      listeners,
      backendsOf: (name: string) => (name === pool ? [] : (this.#store.pool(name)?.placed.backends ?? [])),
      own: ownAddresses(),
    };
    const found = new Map(
      suspects.flatMap((backend) => {
        const listener = leadsBack(pool, backend.target, network);
        return listener === undefined ? [] : [[backend, listener] as const];
      }),
    );
    if (found.size === 0) return backends;
    this.#told.set(pool, new Set([...found.keys()].map(({ address }) => address)));
    for (const [{ address }, listener] of found)
      if (!before?.has(address))
        this.#logger.warn(
          { pool, backend: address, listener },
          "a backend is umay's own listener, and its connections would come back to its pool; it is left out",
        );
    return backends.filter((backend) => !found.has(backend));
  }
}
