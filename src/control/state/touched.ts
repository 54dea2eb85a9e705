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

/** The names that were touched since somebody last took them: a burst of changes is one. */
export class Touches implements Touched {
  listeners = new Set<string>();
  pools = new Set<string>();
  routeTables = new Set<string>();
  left: LeavingBackend[] = [];

  add({ listeners, pools, routeTables }: Touched): void {
    for (const name of listeners) this.listeners.add(name);
    for (const name of pools) this.pools.add(name);
    for (const name of routeTables) this.routeTables.add(name);
  }

  /** All that was touched; from now on, nothing was. */
  take(): Touches {
    const taken = Object.assign(new Touches(), this);
    Object.assign(this, new Touches());
    return taken;
  }
}
