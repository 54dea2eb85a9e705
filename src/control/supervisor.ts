import { Worker } from "node:worker_threads";
import { backendCell, type CounterMemory, listenerCell } from "../channel/counters.ts";
import { backendCapacity, listenerCapacity, openConnections, type SharedMemory } from "../channel/memory.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "../channel/messages.ts";
import { backendSlots, listenerSlots } from "../channel/slots.ts";
import { sourceUrl } from "../lib/source-url.ts";
import type { LogSettings } from "../model/model.ts";
import type { Snapshot } from "../model/snapshot.ts";

const firstBackoff = 100;
const longestBackoff = 10_000;
/** A worker that has lived this long starts again without a wait, in milliseconds. */
const stableAfter = 60_000;

export interface SupervisorEvents {
  log(lines: string): void;
  /** A worker serves this version, or refuses it and goes on with its last. */
  answered(worker: number, version: number, refusal: string | undefined): void;
  /** A worker thread died; it is replaced after `backoff` milliseconds. */
  crashed(worker: number, error: Error, backoff: number): void;
}

interface Seat {
  readonly id: number;
  readonly counters: CounterMemory;
  thread: Worker | undefined;
  /** Whether the thread listens to messages yet. */
  ready: boolean;
  startedAt: number;
  backoff: number;
  /** The newest version that it serves. */
  applied: number;
  timer: NodeJS.Timeout | undefined;
  onCut: ((sessions: number) => void) | undefined;
}

/** Keeps one worker thread in every seat, and speaks to all of them. */
export class Supervisor {
  readonly #seats: readonly Seat[];
  readonly #shared: SharedMemory;
  readonly #log: LogSettings;
  readonly #events: SupervisorEvents;
  #snapshot: Snapshot | undefined;
  #stopping = false;
  restarts = 0;

  constructor(
    memories: readonly CounterMemory[],
    shared: SharedMemory,
    log: LogSettings,
    events: SupervisorEvents,
  ) {
    this.#shared = shared;
    this.#log = log;
    this.#events = events;
    this.#seats = memories.map((counters, index) => ({
      id: index + 1,
      counters,
      thread: undefined,
      ready: false,
      startedAt: 0,
      backoff: firstBackoff,
      applied: 0,
      timer: undefined,
      onCut: undefined,
    }));
  }

  start(): void {
    for (const seat of this.#seats) this.#startThread(seat);
  }

  /** Sends a snapshot to every worker; a worker that is being replaced gets it when it is there. */
  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const seat of this.#seats) if (seat.ready) this.#sendSnapshot(seat);
  }

  /** The newest version that every worker serves. */
  get applied(): number {
    return Math.min(...this.#seats.map((seat) => seat.applied));
  }

  /** Hands a message (and what it transfers) to the worker with the fewest open connections. */
  handOver(message: Extract<ToWorker, { type: "socket" }>): void {
    const alive = this.#seats.filter((seat) => seat.ready);
    const seat = alive.reduce<Seat | undefined>(
      (best, next) => (best === undefined || this.#openIn(next) < this.#openIn(best) ? next : best),
      undefined,
    );
    if (seat === undefined) message.socket.destroy();
    // A paused socket moves between threads; its type does not say so.
    else seat.thread!.postMessage(message, [message.socket as unknown as ArrayBuffer]);
  }

  /** Workers stop accepting; live sessions go on. From here on a dead worker is not replaced. */
  drain(): void {
    this.#stopping = true;
    for (const seat of this.#seats) clearTimeout(seat.timer);
    this.#broadcast({ type: "drain" });
  }

  /**
   * Resets what is still open, gets the last log lines, and ends the threads.
   * @param patience how long to wait for a worker's answer, in milliseconds.
   * @returns how many sessions were cut.
   */
  async cut(reason: "drain_deadline" | "stopped", patience = 2000): Promise<number> {
    const cuts = this.#seats.map((seat) => this.#cutSeat(seat, reason, patience));
    return (await Promise.all(cuts)).reduce((sum, sessions) => sum + sessions, 0);
  }

  async #cutSeat(seat: Seat, reason: "drain_deadline" | "stopped", patience: number): Promise<number> {
    const { thread } = seat;
    if (thread === undefined) return 0;
    const sessions = await new Promise<number>((resolve) => {
      const timer = setTimeout(() => resolve(0), patience);
      seat.onCut = (count) => {
        clearTimeout(timer);
        resolve(count);
      };
      thread.postMessage({ type: "cut", reason } satisfies ToWorker);
    });
    await thread.terminate();
    return sessions;
  }

  /** Connections that a worker has open. */
  #openIn(seat: Seat): number {
    let open = 0;
    for (const { counters } of this.#snapshot?.listeners ?? [])
      open +=
        seat.counters[counters + listenerCell.accepted]! - seat.counters[counters + listenerCell.ended]!;
    return open;
  }

  #broadcast(message: ToWorker): void {
    for (const seat of this.#seats) seat.thread?.postMessage(message);
  }

  #startThread(seat: Seat): void {
    const setup: WorkerSetup = {
      id: seat.id,
      count: this.#seats.length,
      log: this.#log,
      shared: this.#shared,
      counters: seat.counters,
    };
    const thread = new Worker(sourceUrl("../data/worker", import.meta.url), {
      workerData: setup,
      name: `worker ${seat.id}`,
    });
    let failure = new Error("exited without being told to");
    seat.thread = thread;
    seat.startedAt = performance.now();
    thread.on("message", (message: FromWorker) => this.#onMessage(seat, message));
    thread.on("error", (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    thread.on("exit", () => this.#onExit(seat, failure));
  }

  #onMessage(seat: Seat, message: FromWorker): void {
    switch (message.type) {
      case "ready":
        seat.ready = true;
        this.#sendSnapshot(seat);
        break;
      case "applied":
        seat.applied = message.version;
        this.#events.answered(seat.id, message.version, undefined);
        break;
      case "failed":
        this.#events.answered(seat.id, message.version, message.reason);
        break;
      case "cut":
        seat.onCut?.(message.sessions);
        break;
      case "log":
        this.#events.log(message.lines);
        break;
    }
  }

  #sendSnapshot(seat: Seat): void {
    if (this.#snapshot !== undefined)
      seat.thread?.postMessage({ type: "snapshot", snapshot: this.#snapshot } satisfies ToWorker);
  }

  #onExit(seat: Seat, failure: Error): void {
    seat.thread = undefined;
    seat.ready = false;
    seat.onCut?.(0);
    closeBooks(seat.counters, this.#shared);
    if (this.#stopping) return;
    this.restarts++;
    if (performance.now() - seat.startedAt > stableAfter) seat.backoff = firstBackoff;
    this.#events.crashed(seat.id, failure, seat.backoff);
    seat.timer = setTimeout(() => this.#startThread(seat), seat.backoff);
    seat.backoff = Math.min(seat.backoff * 2, longestBackoff);
  }
}

const listenerPlaces = listenerSlots();
const backendPlaces = backendSlots();

/** The sessions of a dead worker ended with it: its counters say how many were open and where. */
function closeBooks(counters: CounterMemory, shared: SharedMemory): void {
  for (let slot = 0; slot < listenerCapacity; slot++) {
    const first = listenerPlaces.counters(slot);
    const open = counters[first + listenerCell.accepted]! - counters[first + listenerCell.ended]!;
    if (open === 0) continue;
    counters[first + listenerCell.ended]! += open;
    Atomics.sub(shared.listenerActive, slot, open);
    Atomics.sub(shared.process, openConnections, open);
  }
  for (let slot = 0; slot < backendCapacity; slot++) {
    const first = backendPlaces.counters(slot);
    const active = counters[first + backendCell.leased]! - counters[first + backendCell.released]!;
    if (active === 0) continue;
    counters[first + backendCell.released]! += active;
    Atomics.sub(shared.backendActive, slot, active);
  }
}
