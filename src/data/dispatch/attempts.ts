import { backendCell, connectFailureList, poolCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import type { PlacedBackend, Skipped } from "../../model/backend.ts";
import { type ConnectFailure, connectFailures } from "../../model/reasons.ts";
import { onBackendData, type SessionSocket } from "../serve/relay/relay.ts";
import type { Session } from "../session.ts";
import { attachUpstream } from "../session-events.ts";
import { resetSocket } from "../sockets/reset.ts";
import { dial } from "../upstream/dial.ts";
import { proxyIntroduction } from "../upstream/proxy-header.ts";
import type { Wait } from "./queue.ts";
import { failureLatency, reportFailure } from "./report.ts";

/*
 * A session's way to a backend: pick, or wait in the pool's queue, dial, TLS, and on to the next backend after a failure.
 * Functions of the session, in the order in which they are called.
 */

/** One attempt to connect a backend. */
export interface Attempt {
  readonly backend: PlacedBackend;
  /** When it began; then how long it took, in milliseconds. */
  readonly began: number;
  took: number;
  error: string | undefined;
}

/** On to a backend; after a failure, the next best. What can't be had at once is waited for. */
export function connectNext(session: Session): void {
  const { pool, attempts } = session;
  const { connect, backends } = pool.definition;
  session.phase = "connect";
  if (attempts.length > 0 && attempts.length >= Math.min(connect.attempts, backends.length)) {
    session.end("connect_failed");
    return;
  }
  const first = attempts.length === 0 ? "room" : "retry";
  const wait = pool.queue.has(first) ? first : tryNext(session);
  if (wait !== undefined) pool.queue.join(session, wait);
}

/**
 * Picks a backend and begins to connect it, or ends the session where there is none.
 * @returns what to wait for, where it is to wait.
 */
export function tryNext(session: Session): Wait | undefined {
  const { pool, attempts } = session;
  const backend = pool.lease(session.clientAddress, session.serverName, attempts.map(backendOf));
  session.candidates = pool.definition.backends.length;
  if (pool.skipped !== undefined) noteSkipped(session, pool.skipped);
  if (typeof backend === "object") begin(session, backend);
  else if (backend === "no_retry") session.end("retry_budget");
  else if (backend === "none") session.end(attempts.length === 0 ? "no_backend" : "connect_failed");
  else return backend;
  return undefined;
}

function begin(session: Session, backend: PlacedBackend): void {
  const { pool } = session;
  if (session.phase === "queue") pool.queue.leave(session);
  session.phase = "connect";
  session.lastActive = performance.now();
  session.backend = backend;
  session.retrying = session.attempts.length > 0;
  session.attempts.push({ backend, began: performance.now(), took: 0, error: undefined });
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
  endRetry(session);
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

function endRetry(session: Session): void {
  if (session.retrying) session.pool.endRetry();
  session.retrying = false;
}

/** Gives the backend back, and resets the connection to it unless it is closed already. */
export function dropUpstream(session: Session): void {
  endRetry(session);
  if (session.backend !== undefined) session.pool.release(session.backend);
  session.backend = undefined;
  if (session.upstreamRaw !== undefined)
    resetSocket(session.upstreamRaw, session.attempts.at(-1)!.backend.target.kind, session.upstream);
}

/** A retry passes over the same ones again. */
function noteSkipped(session: Session, skipped: readonly Skipped[]): void {
  const before = session.skipped ?? [];
  const more = skipped.filter(({ backend }) => !before.some((other) => other.backend === backend));
  session.skipped = [...before, ...more];
}

const backendOf = (attempt: Attempt): PlacedBackend => attempt.backend;
