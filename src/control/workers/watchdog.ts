import type { SharedMemory } from "../../channel/memory.ts";
import type { Timers } from "../timers.ts";
import type { Seat } from "./seat.ts";

/** How often in its limit the watchdog looks; the event loop of a worker turns at least twice a second (`Sweep`). */
const looks = 10;
/**
 * How long a thread that serves nothing yet may take, in milliseconds: it prepares everything there is at once, which may
 * be thousands of pools.
 */
const longestStart = 60_000;

/**
 * Notices workers whose event loops have stopped turning. A worker counts its turns in shared memory, where the watchdog
 * looks for a change. How long there was none is counted in looks, not by a clock: when the machine was suspended, or the
 * process stopped, this thread did not look either, and nothing is held against the workers.
 */
export class Watchdog {
  /** How long the event loop of a worker may stand still, in milliseconds; undefined: nothing is watched. */
  limit: number | undefined;
  readonly #seats: readonly Seat[];
  readonly #turns: SharedMemory["workerTurns"];
  readonly #timers: Timers;
  readonly #onHung: (seat: Seat) => void;
  #cancel: () => void = () => {};

  /** @param onHung is called once for a thread. */
  constructor(
    seats: readonly Seat[],
    turns: SharedMemory["workerTurns"],
    timers: Timers,
    onHung: (seat: Seat) => void,
  ) {
    this.#seats = seats;
    this.#turns = turns;
    this.#timers = timers;
    this.#onHung = onHung;
  }

  /** Looks until it is stopped. */
  start(): void {
    const period = (this.limit ?? longestStart) / looks;
    this.#cancel = this.#timers.after(period, () => {
      this.#look(period);
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Whether a worker has stood still for so long that it may be about to be replaced: it is given nothing to do. */
  isSilent({ silence }: Seat): boolean {
    return this.limit !== undefined && silence >= this.limit / 2;
  }

  /** Whether a worker's event loop has turned since the last look. */
  hasTurned({ id, turns }: Seat): boolean {
    return Atomics.load(this.#turns, id - 1) !== turns;
  }

  #look(period: number): void {
    for (const seat of this.#seats) {
      if (this.limit === undefined || !seat.ready || this.hasTurned(seat)) {
        seat.turns = Atomics.load(this.#turns, seat.id - 1);
        seat.silence = 0;
        continue;
      }
      seat.silence += period;
      const limit = seat.serving ? this.limit : Math.max(this.limit, longestStart);
      if (seat.silence < limit || seat.hung) continue;
      seat.hung = true;
      this.#onHung(seat);
    }
  }
}
