import { clock } from "../../clock.ts";

/** How long a body may be slower than min_body_rate, in milliseconds. */
const graceForRate = 10_000;

/** How fast a client sends the body of a request, apart from the time in which nobody takes it. Times are in milliseconds. */
export class BodyPace {
  #since = clock.now;
  #pausedAt: number | undefined = undefined;
  #pausedFor = 0;

  /** Another body begins. */
  begin(now: number): void {
    this.#since = now;
    this.#pausedAt = undefined;
    this.#pausedFor = 0;
  }

  /** A part came. */
  moved(now: number): void {
    this.#since = now;
  }

  pause(now: number): void {
    this.#pausedAt ??= now;
  }

  resume(now: number): void {
    if (this.#pausedAt === undefined) return;
    this.#pausedFor += now - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#since = now;
  }

  /**
   * @param body began then and has so many bytes so far; `idle` is the longest time between two parts, `least` the fewest
   * bytes a second, 0: any.
   */
  isTooSlow(
    now: number,
    body: {
      readonly began: number;
      readonly received: number;
      readonly idle: number;
      readonly least: number;
    },
  ): boolean {
    // A client that gets no credit cannot send.
    if (this.#pausedAt !== undefined) return false;
    const took = now - body.began - this.#pausedFor;
    const isBelowRate = body.least > 0 && took > graceForRate && body.received * 1_000 < body.least * took;
    return now - this.#since > body.idle || isBelowRate;
  }
}
