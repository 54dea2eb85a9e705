import { randomBytes, randomInt } from "node:crypto";
import { createAddressTable, giveBackOfWorker } from "../../channel/address-table.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";
import type { SocketAddress } from "../../lib/address.ts";
import type { MaterialOfAll } from "../../material/renewal.ts";
import { listenerWithMaterial } from "../../material/with-material.ts";
import type { Listener, ListenerTls } from "../../model/listener.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { namesOf, Places, unlessSame } from "./places.ts";
import type { Touches } from "./touched.ts";

/** Where a listener has no max_connections, room is made for this many. */
const usualConnections = 262_144;

/** A listener's addresses with known ports, and who accepts on them. */
export interface BoundListener {
  readonly addresses: readonly SocketAddress[];
  readonly accept: PlacedListener["accept"];
  readonly replaces?: boolean;
}

/** The listeners, with their places in shared memory, their tickets and the tables of their clients' addresses. */
export class ListenerPlaces {
  readonly #places: Places<PlacedListener>;
  readonly #workers: number;
  readonly #touched: Touches;
  #present = new Map<string, PlacedListener>();

  constructor(shared: SharedMemory, counters: WorkerCounters, touched: Touches) {
    this.#workers = counters.memories.length;
    this.#touched = touched;
    this.#places = new Places({
      kind: "listener",
      shared,
      counters,
      busy: (slot) => Atomics.load(shared.listenerActive, slot) > 0,
    });
  }

  /** Those of the configuration, by name. */
  get present(): ReadonlyMap<string, PlacedListener> {
    return this.#present;
  }

  /** As {@link Places.leaving}. */
  get leaving(): readonly PlacedListener[] {
    return this.#places.leaving;
  }

  /** As {@link Places.busy}. */
  get busy(): readonly PlacedListener[] {
    return this.#places.busy;
  }

  /** @throws where there is no place for all of them. */
  check(listeners: readonly Listener[]): void {
    this.#places.check("listeners", namesOf(listeners), [...this.#present.keys()]);
  }

  /**
   * These are the listeners from now on. One that stays keeps its place, its counters and its tickets.
   * @param version the first one with them.
   */
  follow(listeners: readonly Listener[], bound: ReadonlyMap<string, BoundListener>, version: number): void {
    const before = this.#present;
    this.#present = new Map(
      listeners.map((listener) => {
        const { name } = listener;
        return [name, this.#place(listener, bound.get(name)!, before.get(name))];
      }),
    );
    for (const [name, listener] of before)
      if (!this.#present.has(name)) {
        this.#places.leave(name, listener.slot, listener, version);
        this.#touched.listeners.add(name);
      }
  }

  /** Replaces what was renewed. */
  renew(renewed: MaterialOfAll): void {
    for (const listener of this.#present.values()) {
      const next = listenerWithMaterial(listener, renewed);
      if (next !== listener) this.#replace(next);
    }
  }

  /** Replaces the key of a listener's session tickets: those that are out are no longer good. */
  rotateTickets(name: string): void {
    this.#replace({ ...this.#present.get(name)!, ticketKeys: newTicketKeys() });
  }

  /** Gives back what a dead worker counted for addresses. @param worker 1 to count of workers. */
  giveBack(worker: number): void {
    for (const { addressTable } of [...this.#present.values(), ...this.leaving])
      if (addressTable !== undefined) giveBackOfWorker(addressTable, worker);
  }

  /** As {@link Places.settle}. */
  settle(applied: number): void {
    this.#places.settle(applied);
  }

  #replace(listener: PlacedListener): void {
    this.#present.set(listener.name, listener);
    this.#touched.listeners.add(listener.name);
  }

  #place(listener: Listener, bound: BoundListener, before: PlacedListener | undefined): PlacedListener {
    const slot = before?.slot ?? this.#places.take(listener.name)!;
    const tlsBefore = new Map(before?.tls.map((settings) => [settings.name, settings]));
    const placed: PlacedListener = {
      ...listener,
      ...bound,
      tls: listener.tls.map((settings) => unlessSame(settings, tlsBefore.get(settings.name))),
      slot,
      counters: this.#places.counters(slot),
      ticketKeys: ticketKeysOf(listener.tls, before),
      addressTable: addressTableOf(listener, before, this.#workers),
    };
    const result = unlessSame(placed, before);
    if (result !== before) this.#touched.listeners.add(listener.name);
    return result;
  }
}

/** The table in which all workers count what each client address has open; undefined where nothing is limited by it. */
function addressTableOf(
  listener: Listener,
  before: PlacedListener | undefined,
  workers: number,
): SharedArrayBuffer | undefined {
  const { limits, maxConnections } = listener;
  if (limits.maxConnectionsPerIp === undefined && limits.connectionRatePerIp === undefined) return undefined;
  // Whoever is counted there goes on being counted; a table cannot grow.
  if (before?.addressTable !== undefined && before.maxConnections === maxConnections)
    return before.addressTable;
  return createAddressTable(maxConnections ?? usualConnections, workers, randomInt(2 ** 32));
}

/** The keys that umay makes where settings bring none: those that it has made already, else new ones. */
function ticketKeysOf(
  tls: readonly ListenerTls[],
  before: PlacedListener | undefined,
): Uint8Array | undefined {
  const needed = tls.some(
    ({ sessionTickets }) => sessionTickets !== undefined && sessionTickets.keys === undefined,
  );
  return needed ? (before?.ticketKeys ?? newTicketKeys()) : undefined;
}

/** A plain array, because that is what a worker receives. */
const newTicketKeys = (): Uint8Array => new Uint8Array(randomBytes(48));
