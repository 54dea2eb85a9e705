import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import { tablesWithMaterial } from "../../material/with-material.ts";
import { type HttpRouteTable, routesOf } from "../../model/http/route.ts";
import type { PlacedRoute, PlacedRouteTable } from "../../model/snapshot.ts";
import { GuardPlaces } from "./guard-places.ts";
import { Places, unlessSame } from "./places.ts";
import type { Touches } from "./touched.ts";

/**
 * The tables of routes of HTTP, with the places of their routes, and of the guards that they name, in shared memory. A
 * route has one place, in however many tables it stands.
 */
export class RoutePlaces {
  readonly #places: Places<PlacedRoute>;
  readonly #guards: GuardPlaces;
  readonly #touched: Touches;
  #routes = new Map<string, PlacedRoute>();
  #present: ReadonlyMap<string, PlacedRouteTable> = new Map();

  constructor(shared: SharedMemory, counters: WorkerCounters, touched: Touches) {
    this.#touched = touched;
    this.#places = new Places({
      kind: "route",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.routeActive, slot) > 0,
    });
    this.#guards = new GuardPlaces(shared, counters);
  }

  /** The tables of the configuration, by name. */
  get present(): ReadonlyMap<string, PlacedRouteTable> {
    return this.#present;
  }

  /** @throws where there is no place for all of their routes and guards. */
  check(tables: readonly HttpRouteTable[]): void {
    this.#places.check("routes", [...namesIn(tables)], [...this.#routes.keys()]);
    this.#guards.check(tables);
  }

  /**
   * These are the tables from now on; those that say the same as before stay the same object.
   * @param version the first one with them.
   */
  follow(tables: readonly HttpRouteTable[], version: number): void {
    this.#placeRoutes(namesIn(tables), version);
    this.#guards.follow(tables, version);
    const before = this.#present;
    this.#present = new Map(
      tables.map((table) => [table.name, unlessSame(this.#placed(table), before.get(table.name))]),
    );
    for (const name of new Set([...before.keys(), ...this.#present.keys()]))
      if (this.#present.get(name) !== before.get(name)) this.#touched.routeTables.add(name);
  }

  /** Replaces what was renewed. @param version the first one with it. */
  renew(renewed: MaterialOfAll, version: number): void {
    if (renewed.guards.size + renewed.pages.size > 0)
      this.follow(tablesWithMaterial([...this.#present.values()], renewed), version);
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

  #placeRoutes(names: ReadonlySet<string>, version: number): void {
    const before = this.#routes;
    this.#routes = new Map([...names].map((name) => [name, before.get(name) ?? this.#take(name)]));
    for (const [name, route] of before)
      if (!names.has(name)) this.#places.leave(name, route.slot, route, version);
  }

  #placed(table: HttpRouteTable): PlacedRouteTable {
    const routes = [...routesOf(table)].map(({ name }) => this.#routes.get(name)!);
    return { ...table, routes, guards: table.guards.map((guard) => this.#guards.placed(guard)) };
  }

  #take(name: string): PlacedRoute {
    const slot = this.#places.take(name)!;
    return { name, slot, counters: this.#places.counters(slot) };
  }
}

const namesIn = (tables: readonly HttpRouteTable[]): ReadonlySet<string> =>
  new Set(tables.flatMap((table) => [...routesOf(table)].map(({ name }) => name)));
