import { listenerCell } from "../../../../channel/counters.ts";
import type { SessionState, WorkerSession } from "../../../../model/open-session.ts";
import type { EndReason } from "../../../../model/reasons.ts";
import { logSession } from "../../../../observe/session-log.ts";
import { connectionRecord, type OpenRecord, tellConnection } from "../../../accept/record.ts";
import type { HttpConnection } from "../client.ts";
import type { HttpPlane } from "../plane.ts";
import { type ToldExchange, tellExchanges } from "../tell.ts";

/** The bytes and requests of a client's connection: for its listener's counts, for the log, and for who lists what is open. */
export class Traffic {
  received = 0;
  sent = 0;
  requests = 0;
  readonly #plane: Pick<HttpPlane, "counters" | "logger" | "logSessions">;
  readonly #connection: HttpConnection;

  constructor(plane: Pick<HttpPlane, "counters" | "logger" | "logSessions">, connection: HttpConnection) {
    this.#plane = plane;
    this.#connection = connection;
  }

  /** Bytes came from the client. */
  came(bytes: number): void {
    this.received += bytes;
    this.#count(listenerCell.received, bytes);
  }

  /** Bytes went to the client. */
  went(bytes: number): void {
    this.sent += bytes;
    this.#count(listenerCell.sent, bytes);
  }

  #count(cell: number, bytes: number): void {
    this.#plane.counters[this.#connection.listener.definition.counters + cell]! += bytes;
  }

  /** @param exchanges those that are under way. @param now by performance.now(). */
  tell(state: SessionState, exchanges: Iterable<ToldExchange>, now: number): WorkerSession {
    const told = tellConnection(this.#connection, state, now);
    told.received = this.received;
    told.sent = this.sent;
    told.requests_total = this.requests;
    told.requests = tellExchanges(exchanges, now);
    return told;
  }

  /** The connection is over. @param duration in milliseconds. @param more what else its line says. */
  log(reason: EndReason, duration: number, more: Partial<OpenRecord> = {}): void {
    const { logger, logSessions } = this.#plane;
    if (!logSessions) return;
    const record = connectionRecord(this.#connection, reason, duration);
    record.received = this.received;
    record.sent = this.sent;
    record.requests = this.requests;
    logSession(logger, Object.assign(record, more));
  }
}
