import type { PlacedBackend } from "../../model/backend.ts";
import type { RetryRefusal } from "../../model/http/retry.ts";

/** One attempt to connect one backend. */
export interface Attempt {
  readonly backend: PlacedBackend;
  /** In milliseconds; 0 while it is under way. */
  took: number;
  /** Why it failed; undefined: it did not. */
  error: string | undefined;
  /** The outcome of the request that was sent, where it was to be decided whether to send it again. */
  outcome?: AttemptOutcome;
}

/** How a request failed on a backend that was connected. */
export interface AttemptOutcome {
  /** Of the answer; undefined: none came. */
  readonly status: number | undefined;
  readonly error: string | undefined;
  /** From the begin of the attempt on, in milliseconds. */
  readonly took: number;
  /** Whether the request was sent again, and if not, why. */
  readonly retry: "made" | RetryRefusal | undefined;
}
