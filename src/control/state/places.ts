import { isDeepStrictEqual } from "node:util";
import { countersOf, type KindName, layout } from "../../channel/layout.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import { type Slots, slotsOf } from "../../channel/slots.ts";
import type { WorkerCounters } from "../../channel/worker-counters.ts";

/** Something that left, and the first version of the snapshot without it. */
interface Leaving<T> {
  readonly what: T;
  readonly slot: number;
  readonly since: number;
}

/** Where one kind of thing is in shared memory. */
export interface Room {
  readonly kind: KindName;
  readonly shared: SharedMemory;
  readonly counters: WorkerCounters;
  /** Whether sessions still count in a slot. */
  busy(slot: number): boolean;
  /** Makes a slot as good as new, but for its counters. */
  clear?(slot: number): void;
}

/** The places of things in shared memory, by name. A thing that left keeps its place until its last session has ended. */
export class Places<T> {
  readonly #room: Room;
  readonly #slots: Slots;
  readonly #leaving = new Map<string, Leaving<T>>();

  constructor(room: Room) {
    this.#room = room;
    this.#slots = slotsOf(room.kind, room.shared, room.counters);
  }

  /** @throws where there is no place for all that are wanted and not there yet. */
  check(kind: string, wanted: readonly string[], present: readonly string[]): void {
    const known = new Set([...present, ...this.#leaving.keys()]);
    const more = wanted.filter((name) => !known.has(name)).length;
    const { free } = this.#slots;
    if (more > free)
      throw new Error(
        `there is room for ${free} more ${kind}, not for ${more}, until sessions of those that left have ended`,
      );
  }

  /** @returns a slot, the one that it still has where it left lately; undefined: all are taken. */
  take(name: string): number | undefined {
    const slot = this.#leaving.get(name)?.slot ?? this.#slots.take();
    this.#leaving.delete(name);
    return slot;
  }

  /** Index of the first counter of a slot, in every worker's counter memory. */
  counters(slot: number): number {
    return countersOf(this.#room.kind, slot);
  }

  leave(name: string, slot: number, what: T, since: number): void {
    this.#leaving.set(name, { what, slot, since });
  }

  /** A thing that left and still has its place. */
  find(name: string): T | undefined {
    return this.#leaving.get(name)?.what;
  }

  /** All that left and still have their place. */
  get leaving(): readonly T[] {
    return [...this.#leaving.values()].map(({ what }) => what);
  }

  /** All that left and still have sessions. */
  get busy(): readonly T[] {
    return [...this.#leaving.values()].filter(({ slot }) => this.#room.busy(slot)).map(({ what }) => what);
  }

  /**
   * Frees places that nobody uses any more.
   * @param applied the newest version that every worker serves.
   * @param onGone is told of each slot that no worker gives new sessions to any more.
   * @returns what gave its place back.
   */
  settle(applied: number, onGone: (slot: number) => void = () => {}): readonly T[] {
    const { kind, counters, busy, clear } = this.#room;
    const gone: T[] = [];
    for (const [name, { what, slot, since }] of this.#leaving) {
      if (applied < since) continue;
      onGone(slot);
      if (busy(slot)) continue;
      const first = countersOf(kind, slot);
      for (const memory of counters.memories) memory.fill(0, first, first + layout[kind].counters.size);
      clear?.(slot);
      this.#leaving.delete(name);
      this.#slots.giveBack(slot);
      gone.push(what);
    }
    return gone;
  }
}

/** The object of before where it says the same: it need not be sent again, nor made into anything again. */
export const unlessSame = <T>(next: T, before: T | undefined): T =>
  before !== undefined && isDeepStrictEqual(next, before) ? before : next;

export const namesOf = (things: readonly { readonly name: string }[]): readonly string[] =>
  things.map(({ name }) => name);
