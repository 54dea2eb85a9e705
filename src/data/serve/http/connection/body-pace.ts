import { clock } from "../../../clock.ts";

/** How long a body may be slower than min_body_rate, in milliseconds. */
const graceForRate = 10_000;

/** A body slower than this is ended. @param took since its begin, without the time in which nobody took it, in milliseconds. */
const isBelowRate = (received: number, least: number, took: number): boolean =>
  least > 0 && took > graceForRate && received * 1_000 < least * took;

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
   * @returns why the request is to end; undefined: it goes on.
   */
  overdue(
    now: number,
    body: {
      readonly began: number;
      readonly received: number;
      readonly idle: number;
      readonly least: number;
    },
  ): "body_idle" | "body_too_slow" | undefined {
    // A client that gets no credit cannot send.
    if (this.#pausedAt !== undefined) return undefined;
    if (now - this.#since > body.idle) return "body_idle";
    const took = now - body.began - this.#pausedFor;
    return isBelowRate(body.received, body.least, took) ? "body_too_slow" : undefined;
  }
}
