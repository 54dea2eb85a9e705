import { addUpTo, bellOf, ringNews, ringRoom } from "../../channel/bells.ts";
import { type CounterMemory, poolCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { EndReason } from "../../model/reasons.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { Session } from "../session.ts";
import { tryNext } from "./attempts.ts";

/** What a session waits for: a backend with room, a place in the retry budget, or the end of a first check. */
export type Wait = "room" | "retry" | "check";

/** How long to wait for a place in the retry budget, in milliseconds. */
const longestRetryWait = 1_000;

/** In milliseconds; the control plane ends the wait for a first check after one second. */
const longestCheckWait = 2_000;

/** Why a session ends that could not wait, or has waited for too long. */
const overdue = {
  room: "queue_timeout",
  retry: "retry_budget",
  check: "no_backend",
} as const satisfies Record<Wait, EndReason>;

/**
 * The sessions of one worker that wait for a backend of one pool: who came first is served first. The count of those
 * that wait is over all workers. A place that a session gives back in any worker goes to the worker that has listened
 * longest, so workers take turns.
 */
export class Queue {
  readonly #shared: SharedMemory;
  readonly #counters: CounterMemory;
  readonly #slot: number;
  /** Of the pool's counters. */
  readonly #first: number;
  /** In the order in which they came. */
  readonly #waiting = new Map<Session, Wait>();
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

  /** A session waits from now on, or ends where no more may. */
  join(session: Session, wait: Wait): void {
    if (!addUpTo(this.#shared.poolWaiting, this.#slot, session.pool.definition.queue.size)) {
      session.end(wait === "room" ? "queue_full" : overdue[wait]);
      return;
    }
    this.#counters[this.#first + poolCell.queued]! += 1;
    session.phase = "queue";
    session.lastActive = performance.now();
    // What came free before there was anybody to be told of it.
    if (this.#enter(session, wait)) this.serve();
  }

  /** A session has its turn, or ends. */
  leave(session: Session): void {
    const wait = this.#waiting.get(session)!;
    this.#waiting.delete(session);
    this.#counts[wait]--;
    this.#counters[this.#first + poolCell.dequeued]! += 1;
    const took = performance.now() - session.lastActive;
    session.queueTook += took;
    recordValue(this.#counters, this.#first + poolCell.queueDuration, took * 1000);
    Atomics.sub(this.#shared.poolWaiting, this.#slot, 1);
  }

  /** Ends a session that has waited for too long. @param quiet for how long it has waited, in milliseconds. */
  endIfOverdue(session: Session, quiet: number): void {
    const wait = this.#waiting.get(session)!;
    const { timeout } = session.pool.definition.queue;
    const longest = { room: timeout, retry: longestRetryWait, check: longestCheckWait };
    if (quiet > longest[wait]) session.end(overdue[wait]);
  }

  /**
   * Lets sessions go on for which there is a backend now.
   * @returns whether there is none for anybody, and not only none for those that have tried some already.
   */
  serve(): boolean {
    for (const session of this.#waiting.keys()) {
      let wait = tryNext(session);
      while (wait !== undefined && this.#enter(session, wait)) wait = tryNext(session);
      // Whom one can't be had that has not tried any, it can't be had for those behind.
      if (wait !== undefined && session.attempts.length === 0) return true;
    }
    return false;
  }

  /** @returns whether it has to be looked again, because nobody listened until now for what it waits for. */
  #enter(session: Session, wait: Wait): boolean {
    const before = this.#waiting.get(session);
    if (before !== undefined) this.#counts[before]--;
    this.#waiting.set(session, wait);
    this.#counts[wait]++;
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
    // Those that are left here have tried the backend with the place. Told to all, once: it can't go round in circles.
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
