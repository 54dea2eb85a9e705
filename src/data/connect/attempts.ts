import { backendCell, connectFailureList, poolCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import { type ConnectFailure, connectFailures } from "../../model/reasons.ts";
import { onBackendData, type SessionSocket } from "../relay/relay.ts";
import { resetSocket } from "../relay/reset.ts";
import type { Session } from "../session.ts";
import { attachUpstream } from "../session-events.ts";
import { dial } from "./dial.ts";
import { proxyIntroduction } from "./proxy-header.ts";
import { failureLatency, reportFailure } from "./report.ts";

/*
 * A session's way to a backend: pick, dial, TLS, and on to the next backend after a failure. Functions of the session,
 * in the order in which they are called.
 */

/** One attempt to connect a backend. */
export interface Attempt {
  readonly backend: PlacedBackend;
  /** When it began; then how long it took, in milliseconds. */
  readonly began: number;
  took: number;
  error: string | undefined;
}

/** Picks a backend and begins to connect it; after a failure, the next best. */
export function connectNext(session: Session): void {
  session.phase = "connect";
  session.lastActive = performance.now();
  const { pool, attempts } = session;
  const backend =
    attempts.length < pool.definition.connect.attempts
      ? pool.lease(session.clientAddress, session.serverName, attempts.map(backendOf))
      : undefined;
  if (backend === undefined) {
    session.end(attempts.length === 0 ? "no_backend" : "connect_failed");
    return;
  }
  session.backend = backend;
  attempts.push({ backend, began: performance.now(), took: 0, error: undefined });
  session.upstreamTls = pool.tls;
  session.upstreamRaw = dial(
    backend.target,
    pool.tls === undefined ? onBackendData : undefined,
  ) as SessionSocket;
  attachUpstream(session, session.upstreamRaw, "connect");
}

/** TCP is connected, or TLS on top of it, which is next where the pool has it. */
export function reached(session: Session): void {
  const tls = session.securing ? undefined : session.upstreamTls;
  const introduction = session.securing ? undefined : proxyIntroduction(session);
  if (introduction !== undefined) session.upstreamRaw!.write(introduction);
  if (tls === undefined) connected(session);
  else attachUpstream(session, tls.begin(session.upstreamRaw!, session.backend!), "secureConnect");
}

/** The attempt failed; the session goes on with another backend where it may. */
export function connectFailed(session: Session, failure: ConnectFailure, detail: string): void {
  const { shared, counters } = session.plane;
  const attempt = session.attempts.at(-1)!;
  attempt.took = performance.now() - attempt.began;
  attempt.error = detail;
  counters[attempt.backend.counters + backendCell.failures + connectFailureList.indexOf(failure)]! += 1;
  if (connectFailures[failure].origin === "backend") {
    reportFailure(shared, attempt.backend.slot);
    session.pool.latencies?.waited(attempt.backend.slot, Math.max(attempt.took, failureLatency));
  }
  dropUpstream(session);
  if (connectFailures[failure].retryable) connectNext(session);
  else session.end("connect_failed");
}

function connected(session: Session): void {
  const { counters } = session.plane;
  const attempt = session.attempts.at(-1)!;
  attempt.took = performance.now() - attempt.began;
  session.connectTook = attempt.took;
  counters[attempt.backend.counters + backendCell.connected]! += 1;
  recordValue(counters, session.pool.definition.counters + poolCell.connectDuration, attempt.took * 1000);
  session.pool.latencies?.waited(attempt.backend.slot, attempt.took);
  session.relay();
}

/** The session ends while it is connecting. */
export function abandonAttempt(session: Session): void {
  const attempt = session.attempts.at(-1);
  if (attempt === undefined || attempt.error !== undefined) return;
  attempt.took = performance.now() - attempt.began;
  attempt.error = "abandoned";
}

/** Gives the backend back, and resets the connection to it unless it is closed already. */
export function dropUpstream(session: Session): void {
  if (session.backend !== undefined) session.pool.release(session.backend);
  session.backend = undefined;
  if (session.upstreamRaw !== undefined)
    resetSocket(session.upstreamRaw, session.attempts.at(-1)!.backend.target.kind, session.upstream);
}

const backendOf = (attempt: Attempt): PlacedBackend => attempt.backend;
