import type { Member } from "../lib/crowd.ts";
import type { WorkerSession } from "../model/open-session.ts";
import type { EndReason } from "../model/reasons.ts";

/** Something with a timeout; the sweep looks at it once in a tick. */
export interface Timed {
  /** Ends what has overstayed. @param now by `performance.now()`, rather a tick too early than too late. */
  endIfOverdue(now: number): void;
}

/** Whoever has an open client connection: the connection itself, and from the handshake on who serves it. */
export interface Open extends Timed, Member {
  /** Leaves a backend, by its slot: goes on with another one, or ends. */
  vacate(slot: number): void;
  /** Of the connection, among those of this worker. */
  readonly number: number;
  /** A description of it. @param now by performance.now(). */
  tell(now: number): WorkerSession;
  /** Ends now. Nothing happens where it has ended already. */
  end(reason: EndReason): void;
}
