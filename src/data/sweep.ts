import { settleFirstBytes } from "./accept/first-bytes.ts";
import { detectTimeout } from "./accept/hello.ts";
import { clock, readTime } from "./clock.ts";
import { connectFailed } from "./dispatch/attempts.ts";
import type { Session } from "./session.ts";

/**
 * One timer for all sessions of a worker instead of several for each: it sets the coarse clock and ends what has
 * overstayed. A timeout is never early, and at most two ticks late.
 */
export class Sweep {
  readonly #sessions: ReadonlySet<Session>;
  #timer: NodeJS.Timeout | undefined;

  constructor(sessions: ReadonlySet<Session>) {
    this.#sessions = sessions;
  }

  /** @param shortestTimeout of all listeners and pools, in milliseconds: the tick is a tenth of it, 10 ms to 500 ms. */
  start(shortestTimeout: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), Math.min(500, Math.max(10, shortestTimeout / 10)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    // What has been stamped with the coarse clock since then happened between then and now: rather a tick late than
    // early, however late the ticks of a busy machine are.
    const before = clock.now;
    clock.now = readTime();
    for (const session of this.#sessions) endIfOverdue(session, before - session.lastActive);
  }
}

/** @param quiet for how long nothing has happened at least, in milliseconds. */
function endIfOverdue(session: Session, quiet: number): void {
  const { timeouts } = session.listener.definition;
  switch (session.phase) {
    case "header":
      if (quiet > session.listener.definition.proxyProtocol!.timeout)
        session.notIntroduced("the PROXY header did not come in time");
      break;
    case "hello":
      // Who waits for the server to speak first is served; who is to speak TLS has its handshake timeout.
      if (session.listener.definition.detect && quiet > detectTimeout) settleFirstBytes(session);
      else if (quiet > timeouts.handshake) session.handshakeFailed("timeout", "");
      break;
    case "handshake":
      if (quiet > timeouts.handshake) session.handshakeFailed("timeout", "");
      break;
    case "queue":
      session.pool.queue.endIfOverdue(session, quiet);
      break;
    case "connect":
      if (quiet > session.pool.definition.connect.timeout) {
        const failure = session.securing ? "tls_timeout" : "timeout";
        connectFailed(session, failure, failure);
      }
      break;
    case "relay":
      if (session.clientEnded || session.backendEnded) {
        if (quiet > timeouts.halfClose) session.end("half_close_timeout");
      } else if (quiet > timeouts.idle) session.end("idle_timeout");
      break;
  }
}
