import { randomInt } from "node:crypto";
import { createAddressTable, giveBackOfWorker } from "../../channel/address-table.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { Guard, RateLimit } from "../../model/http/guard.ts";
import type { HttpRouteTable } from "../../model/http/route.ts";
import type { PlacedGuard } from "../../model/snapshot.ts";
import { Places } from "./places.ts";

interface LimitMemory {
  readonly keys: number;
  readonly table: SharedArrayBuffer;
  readonly seed: number;
}

/** Where guards are in shared memory. A guard has one place, in however many tables it is named. */
export class GuardPlaces {
  readonly #places: Places<number>;
  readonly #workers: number;
  /** The slots of those that are named. */
  #present = new Map<string, number>();
  /** The memory of rate limits, by the name of their counts, and for how many keys it is. */
  readonly #memories = new Map<string, LimitMemory>();

  constructor(shared: SharedMemory, counters: WorkerCounters) {
    this.#workers = counters.memories.length;
    this.#places = new Places({
      kind: "guard",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.guardHeld, slot) > 0,
    });
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
    const counts = countsIn(tables);
    for (const name of this.#memories.keys()) if (!counts.has(name)) this.#memories.delete(name);
    for (const name of names) if (!this.#present.has(name)) this.#present.set(name, this.#places.take(name)!);
  }

  /** With the place that it has since {@link follow}. */
  placed(guard: Guard): PlacedGuard {
    const slot = this.#present.get(guard.name)!;
    const place = { slot, counters: this.#places.counters(slot) };
    return guard.kind === "rate-limit"
      ? { ...guard, ...place, ...this.#memoryOf(guard) }
      : { ...guard, ...place };
  }

  /** A limit goes on counting whatever else of it changes; a table cannot grow. */
  #memoryOf(limit: RateLimit): Omit<LimitMemory, "keys"> {
    const { keys } = limit;
    const name = countsOf(limit);
    let memory = this.#memories.get(name);
    if (memory?.keys !== keys) {
      const seed = randomInt(2 ** 32);
      memory = { keys, table: createAddressTable(keys, this.#workers, seed), seed };
      this.#memories.set(name, memory);
    }
    return { table: memory!.table, seed: memory!.seed };
  }

  /** Gives back what a dead worker had under way. @param worker 1 to count of workers. */
  giveBack(worker: number): void {
    for (const { table } of this.#memories.values()) giveBackOfWorker(table, worker);
  }

  /** As {@link Places.settle}. */
  settle(applied: number): void {
    this.#places.settle(applied);
  }
}

const namesIn = (tables: readonly HttpRouteTable[]): ReadonlySet<string> =>
  new Set(tables.flatMap(({ guards }) => guards.map(({ name }) => name)));

const countsOf = ({ name, counts = name }: RateLimit): string => counts;

const countsIn = (tables: readonly HttpRouteTable[]): ReadonlySet<string> =>
  new Set(
    tables.flatMap(({ guards }) =>
      guards.flatMap((guard) => (guard.kind === "rate-limit" ? countsOf(guard) : [])),
    ),
  );
