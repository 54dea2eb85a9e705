import type { PlacedBackend } from "../../model/backend.ts";
import type { ManagedPool } from "./managed-pool.ts";

/** A backend that left its pool. */
export interface LeavingBackend {
  readonly pool: ManagedPool;
  readonly backend: PlacedBackend;
}

/** Names of what is new, has changed or has left. */
export interface Touched {
  readonly listeners: ReadonlySet<string>;
  readonly pools: ReadonlySet<string>;
  readonly routeTables: ReadonlySet<string>;
}

/** The names that were touched since somebody last looked: a burst of changes is one. */
export class Touches implements Touched {
  readonly listeners = new Set<string>();
  readonly pools = new Set<string>();
  readonly routeTables = new Set<string>();
  readonly left: LeavingBackend[] = [];

  add({ listeners, pools, routeTables }: Touched): void {
    for (const name of listeners) this.listeners.add(name);
    for (const name of pools) this.pools.add(name);
    for (const name of routeTables) this.routeTables.add(name);
  }
}
