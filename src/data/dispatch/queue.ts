import { addUpTo, bellOf, ringNews, ringRoom } from "../../channel/bells.ts";
import { type CounterMemory, poolCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { EndReason } from "../../model/reasons.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { endOfWait, refusalToWait, type Wait } from "../decide/wait.ts";

/** Waits in a queue. */
export interface Waiter {
  /** Whether it has tried no backend: where it finds none, nobody does. */
  readonly fresh: boolean;
  /** Looks for a backend. Where it finds one, or ends, it leaves the queue. @returns what it goes on waiting for. */
  turn(): Wait | undefined;
}

interface Place {
  wait: Wait;
  /** By performance.now(). */
  readonly since: number;
}

/**
 * The waiters of one worker for a backend of one pool, served in the order in which they came. They are counted over
 * all workers. A place that comes free in any worker goes to the worker that has listened
 * longest, so workers take turns.
 */
export class Queue {
  readonly #shared: SharedMemory;
  readonly #counters: CounterMemory;
  readonly #slot: number;
  /** Index of the pool's first counter. */
  readonly #first: number;
  /** In the order in which they came. */
  readonly #waiting = new Map<Waiter, Place>();
  readonly #counts: Record<Wait, number> = { room: 0, retry: 0, check: 0 };
  readonly #room: Ear;
  readonly #news: Ear;

  constructor({ slot, counters: first }: PlacedPool, shared: SharedMemory, counters: CounterMemory) {
    this.#shared = shared;
    this.#counters = counters;
    this.#slot = slot;
    this.#first = first;
    this.#room = new Ear(shared, bellOf(slot, "room"), () => this.#hearRoom());
    this.#news = new Ear(shared, bellOf(slot, "news"), () => this.#hearNews());
  }

  /** Whether somebody waits for this already, and so comes first. */
  has(wait: Wait): boolean {
    return this.#counts[wait] > 0;
  }

  /**
   * A waiter waits from now on; it may have its turn before this returns.
   * @param size how many may wait in all workers.
   * @returns why it may not.
   */
  join(waiter: Waiter, wait: Wait, size: number): EndReason | undefined {
    const refusal = refusalToWait(wait, addUpTo(this.#shared.poolWaiting, this.#slot, size));
    if (refusal !== undefined) return refusal;
    this.#counters[this.#first + poolCell.queued]! += 1;
    this.#waiting.set(waiter, { wait, since: performance.now() });
    this.#counts[wait]++;
    // A place may have come free before there was anybody to be told of it.
    if (this.#listen(wait)) this.serve();
    return undefined;
  }

  /** A waiter has its turn, or ends. @returns how long it has waited, in milliseconds. */
  leave(waiter: Waiter): number {
    const { wait, since } = this.#waiting.get(waiter)!;
    this.#waiting.delete(waiter);
    this.#counts[wait]--;
    this.#counters[this.#first + poolCell.dequeued]! += 1;
    const took = performance.now() - since;
    recordValue(this.#counters, this.#first + poolCell.queueDuration, took * 1000);
    Atomics.sub(this.#shared.poolWaiting, this.#slot, 1);
    return took;
  }

  /**
   * @param now by performance.now(). @param timeout how long to wait for room, in milliseconds.
   * @returns why a waiter is to end that has waited for too long; undefined: it has not.
   */
  overdue(waiter: Waiter, now: number, timeout: number): EndReason | undefined {
    const { wait, since } = this.#waiting.get(waiter)!;
    return endOfWait(wait, now - since, timeout);
  }

  /**
   * Lets sessions go on for which there is a backend now.
   * @returns whether there is none for anybody, and not only none for those that have tried some already.
   */
  serve(): boolean {
    for (const [waiter, place] of this.#waiting) {
      let wait = waiter.turn();
      while (wait !== undefined && this.#waitsFor(place, wait)) wait = waiter.turn();
      // If a waiter that has tried no backend finds none, those behind it find none either.
      if (wait !== undefined && waiter.fresh) return true;
    }
    return false;
  }

  /** @returns whether it has to be looked again, because nobody listened until now for what it waits for. */
  #waitsFor(place: Place, wait: Wait): boolean {
    this.#counts[place.wait]--;
    place.wait = wait;
    this.#counts[wait]++;
    return this.#listen(wait);
  }

  /** @returns whether nobody listened until now. */
  #listen(wait: Wait): boolean {
    const newsMissed = this.#news.listen();
    return (wait === "room" && this.#room.listen()) || newsMissed;
  }

  /** Told alone of a place: passes on what it does not take. */
  #hearRoom(): void {
    let taken = false;
    if (this.has("room")) {
      this.#room.listen();
      taken = this.serve();
    }
    if (!this.has("room")) ringRoom(this.#shared, this.#slot);
    // The waiters that are left have tried the backend with the place. All workers hear of it, once.
    else if (!taken) ringNews(this.#shared, this.#slot);
  }

  #hearNews(): void {
    if (this.#waiting.size === 0) return;
    this.#news.listen();
    this.serve();
  }
}

/** Listens for a bell, until it has rung once. Nothing waits for it: it is there or it is not. */
class Ear {
  readonly #bells: SharedMemory["bells"];
  readonly #index: number;
  readonly #heard: () => void;
  #listening = false;

  constructor({ bells }: SharedMemory, index: number, heard: () => void) {
    this.#bells = bells;
    this.#index = index;
    this.#heard = () => {
      this.#listening = false;
      heard();
    };
  }

  /** @returns whether it did not listen yet. */
  listen(): boolean {
    if (this.#listening) return false;
    for (;;) {
      const rung = Atomics.waitAsync(this.#bells, this.#index, Atomics.load(this.#bells, this.#index));
      if (!rung.async) continue;
      this.#listening = true;
      void rung.value.then(this.#heard);
      return true;
    }
  }
}
