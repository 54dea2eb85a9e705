import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { Guard } from "../../model/http/guard.ts";
import type { HttpRouteTable } from "../../model/http/route.ts";
import type { PlacedGuard } from "../../model/snapshot.ts";
import { Places } from "./places.ts";

/** Where guards are in shared memory. A guard has one place, in however many tables it is named. */
export class GuardPlaces {
  readonly #places: Places<number>;
  /** The slots of those that are named. */
  #present = new Map<string, number>();

  constructor(shared: SharedMemory, counters: WorkerCounters) {
    this.#places = new Places({ kind: "guard", shared, counters, busy: () => false });
  }

  /** @throws where there is no place for all of them. */
  check(tables: readonly HttpRouteTable[]): void {
    this.#places.check("guards", [...namesIn(tables)], [...this.#present.keys()]);
  }

  /** These are the tables from now on. @param version the first one with them. */
  follow(tables: readonly HttpRouteTable[], version: number): void {
    const names = namesIn(tables);
    for (const [name, slot] of this.#present)
      if (!names.has(name)) {
        this.#places.leave(name, slot, slot, version);
        this.#present.delete(name);
      }
    for (const name of names) if (!this.#present.has(name)) this.#present.set(name, this.#places.take(name)!);
  }

  /** With the place that it has since {@link follow}. */
  placed(guard: Guard): PlacedGuard {
    const slot = this.#present.get(guard.name)!;
    return { ...guard, slot, counters: this.#places.counters(slot) };
  }

  /** As {@link Places.settle}. */
  settle(applied: number): void {
    this.#places.settle(applied);
  }
}

const namesIn = (tables: readonly HttpRouteTable[]): ReadonlySet<string> =>
  new Set(tables.flatMap(({ guards }) => guards.map(({ name }) => name)));
