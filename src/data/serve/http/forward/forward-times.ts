import type { HttpRoute } from "../../../../model/http/route.ts";
import type { RequestReason } from "../../../../model/reasons.ts";

/**
 * How far a request has come. In `dispatch` there is no backend yet, in `sent` no answer, in `backoff` no backend any more
 * until the next attempt; in `held` processors have the answer's head; `answering` is from the final head to the last byte,
 * `switched` after a change of protocol.
 */
export type Phase = "dispatch" | "sent" | "backoff" | "held" | "answering" | "switched" | "over";

/** The times of a request that is forwarded, by performance.now() where they do not say otherwise. */
export interface ForwardTimes {
  /** When the last byte of the request went to the backend, or its head. */
  readonly asked: number;
  /** When the present attempt began, or the last byte of the request came, if that was later. */
  readonly tried: number;
  /** When a byte moved last, in either direction, by `clock`. */
  readonly lastActive: number;
  /** When it is to be over; undefined: nobody says so. */
  readonly deadline: number | undefined;
}

/** How a request ends for which nobody waits any longer. */
export type LateReason = Extract<
  RequestReason,
  "first_byte_timeout" | "try_timeout" | "request_timeout_backend" | "idle_timeout"
>;

/** The reason for which a request that a backend has as a whole has waited too long for its answer; undefined: it waits on. */
export function headIsLate(
  { asked, tried }: ForwardTimes,
  now: number,
  { firstByte, try: longestTry }: HttpRoute["timeouts"],
  isCall: boolean,
): LateReason | undefined {
  if (!isCall && now - asked > firstByte) return "first_byte_timeout";
  return longestTry !== undefined && now - tried > longestTry ? "try_timeout" : undefined;
}

/** The reason for which no more bytes are waited for; undefined: they are. @param idle for so long at most, in milliseconds. */
export function bytesAreLate(
  { deadline, lastActive }: ForwardTimes,
  now: number,
  idle: number,
): LateReason | undefined {
  if (deadline !== undefined && now > deadline) return "request_timeout_backend";
  return now - lastActive > idle ? "idle_timeout" : undefined;
}
