import type { Server } from "node:net";
import { giveBackOfWorker } from "../../channel/address-table.ts";
import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { FromWorker, HandedSocket, ToWorker, WorkerSetup } from "../../channel/messages.ts";
import type { LogSettings } from "../../model/model.ts";
import type { Touched } from "../state/touched.ts";
import { systemTimers } from "../timers.ts";
import { closeBooks } from "./books.ts";
import { Feed, type Newest } from "./feed.ts";
import { stackOfHung } from "./hung-stack.ts";
import { Inquiries } from "./inquiries.ts";
import { ask, emptySeat, firstBackoff, patience, type Seat } from "./seat.ts";
import { ServedWaits } from "./served-waits.ts";
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
  /** {@link Supervisor.settled} may be a later version. */
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
  /** How workers log, from the next change on. */
  log: LogSettings;
  /** Undefined: nothing is served yet. */
  #newest: Newest | undefined;
  /** Sends what changed in this turn of the event loop. */
  #sending: NodeJS.Immediate | undefined;
  readonly #waits = new ServedWaits();
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
    this.log = log;
    this.#events = events;
    this.#seats = memories.map((_, index) => emptySeat(index + 1));
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

  /** Has every worker serve this state, whole at first. */
  serve(newest: Newest): void {
    this.#newest = newest;
    for (const seat of this.#seats) if (seat.ready) this.#beginFeed(seat);
  }

  /**
   * Has every worker sent what of the state has changed; a worker that is being replaced gets all of it when it is
   * there. In a drain, nothing changes.
   */
  publish(touched: Touched): void {
    if (this.#stopping) return;
    for (const { feed } of this.#seats) feed?.touch(touched);
    this.#sending ??= setImmediate(() => {
      this.#sending = undefined;
      for (const { feed } of this.#seats) feed?.next(this.log);
    });
  }

  /** The newest version that every worker serves. */
  get applied(): number {
    return Math.min(...this.#seats.map((seat) => seat.applied));
  }

  /** Every connection that was accepted before this version has its backend, or has ended, in every worker. */
  get settled(): number {
    return Math.min(...this.#seats.map((seat) => seat.settled));
  }

  /**
   * Resolves when every worker serves this version, or a newer one.
   * @param time they may take, in milliseconds; undefined: any.
   * @throws where one can't serve it, or does not say in time.
   */
  async served(version: number, time?: number): Promise<void> {
    if (this.applied >= version) return;
    const deadline = time === undefined ? undefined : { time, error: () => this.#tooLate(version, time) };
    await this.#waits.until(version, deadline);
  }

  #tooLate(version: number, time: number): Error {
    const late = this.#seats.filter(({ applied }) => applied < version).map(conditionOf);
    return new Error(`not every worker serves it within ${time / 1000} s: ${late.join("; ")}`);
  }

  /** Has every worker end its sessions on the backend in a slot. */
  vacate(slot: number): void {
    for (const { thread, feed } of this.#seats) {
      feed?.flush(this.log);
      thread?.postMessage({ type: "vacate", slot } satisfies ToWorker);
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
    best.feed?.flush(this.log);
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
    clearImmediate(this.#sending);
    for (const seat of this.#seats) {
      clearTimeout(seat.timer);
      seat.feed = undefined;
    }
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
      log: this.log,
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
        this.#beginFeed(seat);
        break;
      case "applied":
        seat.settled = message.settled;
        this.#answered(seat, message.version, undefined);
        break;
      case "settled":
        seat.settled = message.version;
        this.#events.settled();
        break;
      case "failed":
        this.#answered(seat, message.version, message.reason);
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

  #beginFeed(seat: Seat): void {
    if (this.#newest === undefined || this.#stopping) return;
    // It may be sent what is replaced before it has answered.
    seat.settled = 0;
    seat.feed = new Feed(this.#newest, (message) => seat.thread?.postMessage(message));
    seat.feed.next(this.log);
  }

  /** @param refusal why the worker does not serve what it was sent. */
  #answered(seat: Seat, version: number, refusal: string | undefined): void {
    const reason = seat.feed === undefined ? refusal : seat.feed.answered(refusal);
    if (reason === undefined) {
      seat.applied = version;
      seat.serving = true;
      this.#waits.served(this.applied);
    } else this.#waits.refused(version, reason);
    if (reason === undefined || seat.serving || seat.applied === 0) {
      this.#events.answered(seat.id, version, reason);
      seat.feed?.next(this.log);
    } else {
      // A replacement that has nothing to go on with is replaced in its turn.
      seat.failure = new Error(reason);
      void seat.thread?.terminate();
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
    seat.serving = false;
    seat.settled = Number.POSITIVE_INFINITY;
    seat.silence = 0;
    seat.feed = undefined;
    seat.onAnswer?.(undefined);
    this.#events.settled();
    const leftOpen = closeBooks(this.#memories[seat.id - 1]!, this.#shared);
    Atomics.store(this.#shared.workerOpen, seat.id - 1, 0);
    for (const { addressTable } of this.#newest?.listeners ?? [])
      if (addressTable !== undefined) giveBackOfWorker(addressTable, seat.id);
    this.#newest?.giveBack(seat.id);
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

/** In words, the state of a worker that does not serve the newest snapshot. */
function conditionOf({ id, thread, silence, failure }: Seat): string {
  if (thread === undefined) return `worker ${id} died and is being replaced: ${failure.message}`;
  return silence > 0
    ? `worker ${id} has given no sign of life for ${silence / 1000} s`
    : `worker ${id} is not done`;
}
