import type { PlacedBackend } from "../../model/backend.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import type { Timers } from "../timers.ts";
import type { Standing } from "./standing.ts";
import type { Verdicts } from "./verdicts.ts";

/** How long sessions may have to wait for the first check of a backend, in milliseconds. */
export const longestFirstCheck = 1_000;

/** Backends of which nothing is known: they are not picked before their first check is over, or has taken too long. */
export class Unchecked {
  readonly #verdicts: Pick<Verdicts, "setChecking">;
  readonly #timers: Timers;
  /** By slot; not picked until then, by the clock of the timers. */
  readonly #backends = new Map<
    number,
    { readonly pool: ManagedPool; readonly backend: PlacedBackend; readonly until: number }
  >();

  constructor(verdicts: Pick<Verdicts, "setChecking">, timers: Timers) {
    this.#verdicts = verdicts;
    this.#timers = timers;
  }

  begin(pool: ManagedPool, backend: PlacedBackend): void {
    this.#backends.set(backend.slot, { pool, backend, until: this.#timers.now() + longestFirstCheck });
    this.#verdicts.setChecking(pool, backend, true);
  }

  /** Its first check is over, or there will be none. */
  end(slot: number): void {
    const first = this.#backends.get(slot);
    if (first === undefined) return;
    this.#backends.delete(slot);
    this.#verdicts.setChecking(first.pool, first.backend, false);
  }

  /** Those whose time is over may be picked. */
  sweep(): void {
    for (const [slot, { until }] of this.#backends) if (until <= this.#timers.now()) this.end(slot);
  }

  /** Undefined for one that is none of them. */
  standing({ slot }: PlacedBackend): Standing | undefined {
    const first = this.#backends.get(slot);
    if (first === undefined) return undefined;
    const left = first.until - this.#timers.now();
    return { cause: "its first check is not over", age: longestFirstCheck - left, left };
  }
}
