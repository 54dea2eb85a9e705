import type { FromWorker } from "../../channel/messages.ts";
import type { LogSettings } from "../../model/model.ts";
import type { Touched } from "../state/touched.ts";
import { Feed, type Newest } from "./feed.ts";
import { conditionOf, type Seat } from "./seat.ts";
import { ServedWaits } from "./served-waits.ts";

type Answer = Extract<FromWorker, { type: "applied" | "failed" }>;

/** Told that a worker serves a version, or refuses it and goes on with its last. */
type OnAnswer = (worker: number, version: number, refusal: string | undefined) => void;

/** Has every worker serve the newest state, and knows which version of it each one serves. */
export class Publishing {
  /** How workers log, from the next change on. */
  log: LogSettings;
  readonly #seats: readonly Seat[];
  readonly #onAnswer: OnAnswer;
  readonly #waits = new ServedWaits();
  /** Undefined: nothing is served yet. */
  #newest: Newest | undefined;
  /** Sends what changed in this turn of the event loop. */
  #sending: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(seats: readonly Seat[], log: LogSettings, onAnswer: OnAnswer) {
    this.#seats = seats;
    this.log = log;
    this.#onAnswer = onAnswer;
  }

  /** Has every worker serve this state, whole at first. */
  serve(newest: Newest): void {
    this.#newest = newest;
    for (const seat of this.#seats) if (seat.ready) this.begin(seat);
  }

  /**
   * Has every worker sent what of the state has changed; a worker that is being replaced gets all of it when it is
   * there. In a drain, nothing changes.
   */
  publish(touched: Touched): void {
    if (this.#stopped) return;
    for (const { feed } of this.#seats) feed?.touch(touched);
    this.#sending ??= setImmediate(() => {
      this.#sending = undefined;
      for (const { feed } of this.#seats) feed?.next(this.log);
    });
  }

  /** Sends a worker at once what waits for it, because something that depends on it is about to be sent. */
  flush({ feed }: Seat): void {
    feed?.flush(this.log);
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

  /** The thread of a seat can be told something. */
  begin(seat: Seat): void {
    if (this.#newest === undefined || this.#stopped) return;
    // It may be sent what is replaced before it has answered.
    seat.settled = 0;
    seat.feed = new Feed(this.#newest, (message) => seat.thread?.postMessage(message));
    seat.feed.next(this.log);
  }

  /** A worker serves what it was sent, or does not. */
  answered(seat: Seat, answer: Answer): void {
    const { version } = answer;
    if (answer.type === "applied") seat.settled = answer.settled;
    const refusal = answer.type === "applied" ? undefined : answer.reason;
    const reason = seat.feed === undefined ? refusal : seat.feed.answered(refusal);
    if (reason === undefined) {
      seat.applied = version;
      seat.serving = true;
      this.#waits.served(this.applied);
    } else this.#waits.refused(version, reason);
    if (reason === undefined || seat.serving || seat.applied === 0) {
      this.#onAnswer(seat.id, version, reason);
      seat.feed?.next(this.log);
    } else {
      // A replacement that has nothing to go on with is replaced in its turn.
      seat.failure = new Error(reason);
      void seat.thread?.terminate();
    }
  }

  /** The thread of a seat has died: it serves nothing, and no connection of it has yet to choose. */
  left(seat: Seat): void {
    seat.serving = false;
    seat.settled = Number.POSITIVE_INFINITY;
    seat.feed = undefined;
    this.#newest?.giveBack(seat.id);
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#sending);
    for (const seat of this.#seats) seat.feed = undefined;
  }
}
