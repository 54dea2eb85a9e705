import { isDeepStrictEqual } from "node:util";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import { type HttpRouteTable, routesOf } from "../../model/http/route.ts";
import type { PlacedRoute, PlacedRouteTable } from "../../model/snapshot.ts";
import { GuardPlaces } from "./guard-places.ts";
import { Places } from "./places.ts";

/** Where routes of HTTP, and the guards that they name, are in shared memory. A route has one place, in however many tables it stands. */
export class RoutePlaces {
  readonly #places: Places<PlacedRoute>;
  readonly #guards: GuardPlaces;
  #present = new Map<string, PlacedRoute>();

  constructor(shared: SharedMemory, counters: WorkerCounters) {
    this.#places = new Places({
      kind: "route",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.routeActive, slot) > 0,
    });
    this.#guards = new GuardPlaces(shared, counters);
  }

  /** @throws where there is no place for all of them. */
  check(tables: readonly HttpRouteTable[]): void {
    this.#places.check("routes", [...namesIn(tables)], [...this.#present.keys()]);
    this.#guards.check(tables);
  }

  /**
   * @param before what the tables were until now: those that say the same stay the same object.
   * @param version the first one with these tables.
   */
  place(
    tables: readonly HttpRouteTable[],
    before: ReadonlyMap<string, PlacedRouteTable>,
    version: number,
  ): Map<string, PlacedRouteTable> {
    const present = new Map<string, PlacedRoute>();
    for (const name of namesIn(tables)) present.set(name, this.#present.get(name) ?? this.#take(name));
    for (const [name, route] of this.#present)
      if (!present.has(name)) this.#places.leave(name, route.slot, route, version);
    this.#present = present;
    this.#guards.follow(tables, version);
    return new Map(
      tables.map((table) => {
        const routes = [...routesOf(table)].map(({ name }) => present.get(name)!);
        const guards = table.guards.map((guard) => this.#guards.placed(guard));
        const [placed, old] = [{ ...table, routes, guards }, before.get(table.name)];
        return [table.name, old !== undefined && isDeepStrictEqual(placed, old) ? old : placed];
      }),
    );
  }

  /** As {@link GuardPlaces.giveBack}. */
  giveBack(worker: number): void {
    this.#guards.giveBack(worker);
  }

  /** As {@link Places.settle}. */
  settle(applied: number): void {
    this.#places.settle(applied);
    this.#guards.settle(applied);
  }

  #take(name: string): PlacedRoute {
    const slot = this.#places.take(name)!;
    return { name, slot, counters: this.#places.counters(slot) };
  }
}

const namesIn = (tables: readonly HttpRouteTable[]): ReadonlySet<string> =>
  new Set(tables.flatMap((table) => [...routesOf(table)].map(({ name }) => name)));
