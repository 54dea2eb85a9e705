import type { Server } from "node:net";
import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { FromWorker, HandedSocket, ToWorker, WorkerSetup } from "../../channel/messages.ts";
import type { LogSettings } from "../../model/model.ts";
import { systemTimers } from "../timers.ts";
import { closeBooks } from "./books.ts";
import { stackOfHung } from "./hung-stack.ts";
import { Inquiries } from "./inquiries.ts";
import { Publishing } from "./publishing.ts";
import { ask, conditionOf, emptySeat, firstBackoff, patience, type Seat } from "./seat.ts";
import { Watchdog } from "./watchdog.ts";
import { startWorkerThread } from "./worker-thread.ts";

const longestBackoff = 10_000;
/** A worker that has lived this long starts again without a wait, in milliseconds. */
const stableAfter = 60_000;

export interface SupervisorEvents {
  log(lines: Uint8Array): void;
  /** Requests that are over, for their file and for traces; that have passed limits, for other machines; or want a backend. */
  requests(message: Extract<FromWorker, { type: "access" | "spans" | "passed" | "wanted" }>): void;
  /** Something went wrong in a worker that goes on. */
  trouble(worker: number, what: string, error: Error): void;
  /** A worker serves this version, or refuses it and goes on with its last. */
  answered(worker: number, version: number, refusal: string | undefined): void;
  /** A connection to this address could not be moved to a worker: its client has gone already, say. */
  notHandedOver(address: string, error: Error): void;
  /** {@link Publishing.settled} may be a later version. */
  settled(): void;
  crashed(death: Death): void;
}

/** A worker thread died. */
export interface Death {
  readonly worker: number;
  readonly error: Error;
  /** It is replaced after this time, in milliseconds; undefined: while draining, not any more. */
  readonly backoff: number | undefined;
  /** How many of its connections it could not end itself. */
  readonly leftOpen: number;
}

/** The state of a worker; `silent`: its event loop has not turned for a while. */
export type WorkerState = "starting" | "serving" | "silent";

/** Keeps one worker thread in every seat, and speaks to all of them. */
export class Supervisor {
  readonly #seats: readonly Seat[];
  readonly #memories: readonly CounterMemory[];
  readonly #shared: SharedMemory;
  readonly #events: SupervisorEvents;
  /** The state that workers serve. */
  readonly publishing: Publishing;
  readonly #allReady = Promise.withResolvers<void>();
  /** How many listening sockets of each address were given to workers. */
  readonly #given = new Map<string, number>();
  /** The questions that workers answer. */
  readonly inquiries: Inquiries;
  #stopping = false;
  readonly #watchdog: Watchdog;
  restarts = 0;
  /** How many of its threads were ended because they hung. */
  hangs = 0;

  constructor(
    memories: readonly CounterMemory[],
    shared: SharedMemory,
    log: LogSettings,
    events: SupervisorEvents,
  ) {
    this.#memories = memories;
    this.#shared = shared;
    this.#events = events;
    this.#seats = memories.map((_, index) => emptySeat(index + 1));
    this.publishing = new Publishing(this.#seats, log, (...answer) => events.answered(...answer));
    this.#watchdog = new Watchdog(this.#seats, shared.workerTurns, systemTimers, (seat) => {
      void this.#endHung(seat);
    });
    this.inquiries = new Inquiries(this.#seats, (seat) => this.#watchdog.isSilent(seat));
  }

  /** How long a worker's event loop may stand still until it is replaced, in milliseconds; undefined: for ever. */
  set watchdog(limit: number | undefined) {
    this.#watchdog.limit = limit;
  }

  start(): void {
    for (const seat of this.#seats) this.#startThread(seat);
    this.#watchdog.start();
  }

  /** Of each worker, the first one first. */
  get states(): readonly WorkerState[] {
    return this.#seats.map((seat) =>
      this.#watchdog.isSilent(seat) ? "silent" : seat.serving ? "serving" : "starting",
    );
  }

  /** Why some connections may get no answer; undefined: they all get one. */
  unready(): string | undefined {
    const silent = this.#seats.find((seat) => this.#watchdog.isSilent(seat));
    if (silent !== undefined) return conditionOf(silent);
    if (this.#seats.some(({ serving }) => serving)) return undefined;
    return this.#seats.map(conditionOf).join("; ");
  }

  /** Resolves when every worker can be told something. */
  get allReady(): Promise<void> {
    return this.#allReady.promise;
  }

  /** Gives a listening socket to a worker, the next one of those of its address; before anything is served. */
  give(address: string, server: Server): void {
    const given = this.#given.get(address) ?? 0;
    this.#given.set(address, given + 1);
    const { thread } = this.#seats[given % this.#seats.length]!;
    // A listening server moves between threads; its type does not say so.
    thread?.postMessage({ type: "listening", address, server } satisfies ToWorker, [
      server as unknown as ArrayBuffer,
    ]);
  }

  /** Has every worker end its sessions on the backend in a slot. */
  vacate(slot: number): void {
    for (const seat of this.#seats) {
      this.publishing.flush(seat);
      seat.thread?.postMessage({ type: "vacate", slot } satisfies ToWorker);
    }
  }

  /**
   * Hands a connection to the worker with the fewest, counting those that are on their way.
   * @throws where the socket can't be moved: its client has gone already, say.
   */
  handOver(message: HandedSocket): void {
    const { workerOpen } = this.#shared;
    let best: Seat | undefined;
    for (const seat of this.#seats)
      if (
        seat.ready &&
        !this.#watchdog.isSilent(seat) &&
        (best === undefined || workerOpen[seat.id - 1]! < workerOpen[best.id - 1]!)
      )
        best = seat;
    if (best === undefined) {
      message.socket.destroy();
      return;
    }
    // It may have come to an address that this worker does not know of yet.
    this.publishing.flush(best);
    // A paused socket moves between threads; its type does not say so.
    best.thread!.postMessage(message, [message.socket as unknown as ArrayBuffer]);
    Atomics.add(workerOpen, best.id - 1, 1);
  }

  /** The same with a connection that this thread accepted; where nobody can have it, it is closed. */
  takeOver(message: HandedSocket): void {
    try {
      this.handOver(message);
    } catch (error) {
      message.socket.destroy();
      this.#events.notHandedOver(message.address, error as Error);
    }
  }

  /**
   * Live sessions go on, and a worker that dies is not replaced any more.
   * @returns when no worker accepts; one that does not answer is not waited for.
   */
  async drain(): Promise<void> {
    this.#stopping = true;
    this.publishing.stop();
    for (const seat of this.#seats) clearTimeout(seat.timer);
    await Promise.all(this.#seats.map((seat) => ask(seat, { type: "drain" }, "draining")));
  }

  /** Resets what is still open, gets the last log lines, and ends the threads. @returns how many sessions were cut. */
  async cut(reason: "drain_deadline" | "stopped"): Promise<number> {
    this.#watchdog.stop();
    const cuts = this.#seats.map(async (seat) => {
      const answer = await ask(seat, { type: "cut", reason }, "cut");
      seat.ended = true;
      await seat.thread?.terminate();
      return answer?.sessions ?? 0;
    });
    return (await Promise.all(cuts)).reduce((sum, sessions) => sum + sessions, 0);
  }

  #startThread(seat: Seat): void {
    const setup: WorkerSetup = {
      id: seat.id,
      count: this.#seats.length,
      log: this.publishing.log,
      shared: this.#shared,
      counters: this.#memories[seat.id - 1]!.buffer,
    };
    const thread = startWorkerThread(setup);
    const unknown = new Error("ended by itself");
    seat.failure = unknown;
    seat.thread = thread;
    seat.hung = false;
    seat.startedAt = performance.now();
    thread.on("message", (message: FromWorker) => this.#onMessage(seat, message));
    thread.on("error", (error) => {
      seat.failure = error instanceof Error ? error : new Error(String(error));
    });
    thread.on("exit", (code) => {
      if (seat.failure === unknown) seat.failure = new Error(`it ended by itself, with exit code ${code}`);
      this.#onExit(seat);
    });
  }

  #onMessage(seat: Seat, message: FromWorker): void {
    switch (message.type) {
      case "ready":
        seat.ready = true;
        if (this.#seats.every(({ ready }) => ready)) this.#allReady.resolve();
        this.publishing.begin(seat);
        break;
      case "applied":
      case "failed":
        this.publishing.answered(seat, message);
        break;
      case "settled":
        seat.settled = message.version;
        this.#events.settled();
        break;
      case "draining":
      case "cut":
        seat.onAnswer?.(message);
        break;
      case "explanation":
      case "listed":
      case "killed":
      case "described":
        this.inquiries.answered(message);
        break;
      case "socket":
        try {
          this.handOver(message);
        } catch {
          message.socket.destroy();
        }
        break;
      case "trouble":
        this.#events.trouble(seat.id, message.what, message.error);
        break;
      case "log":
        this.#events.log(message.lines);
        break;
      case "access":
      case "spans":
      case "passed":
      case "wanted":
        this.#events.requests(message);
        break;
    }
  }

  /** A thread that goes on while it is looked at was only slow. */
  async #endHung(seat: Seat): Promise<void> {
    const { thread, silence } = seat;
    const stack = await stackOfHung(thread!);
    if (seat.thread !== thread || seat.ended) return;
    if (this.#watchdog.hasTurned(seat)) {
      seat.hung = false;
      return;
    }
    this.hangs++;
    seat.failure = new Error(`it hung: its event loop stood still for ${silence / 1000} s`);
    seat.failure.stack = `Error: ${seat.failure.message}\n${stack ?? "    inside a call of the system"}`;
    const stuck = setTimeout(() => {
      const what = "a worker that hangs is inside a call of the system and can't be ended; restart umay";
      this.#events.trouble(seat.id, what, seat.failure);
    }, patience);
    await thread!.terminate();
    clearTimeout(stuck);
  }

  #onExit(seat: Seat): void {
    seat.thread = undefined;
    seat.ready = false;
    seat.silence = 0;
    this.publishing.left(seat);
    seat.onAnswer?.(undefined);
    this.#events.settled();
    const leftOpen = closeBooks(this.#memories[seat.id - 1]!, this.#shared);
    Atomics.store(this.#shared.workerOpen, seat.id - 1, 0);
    if (seat.ended) return;
    if (performance.now() - seat.startedAt > stableAfter) seat.backoff = firstBackoff;
    const backoff = this.#stopping ? undefined : seat.backoff;
    this.#events.crashed({ worker: seat.id, error: seat.failure, backoff, leftOpen });
    if (this.#stopping) return;
    this.restarts++;
    seat.timer = setTimeout(() => this.#startThread(seat), seat.backoff);
    seat.backoff = Math.min(seat.backoff * 2, longestBackoff);
  }
}
