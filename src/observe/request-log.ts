import { type RequestReason, requestReasons } from "../model/reasons.ts";
import { escaped, milliseconds, timeNow } from "./json-text.ts";
import { loggedStatus } from "./request-fields.ts";
import { type AttemptRecord, rounded } from "./session-log.ts";
import type { LineLogger } from "./worker-logger.ts";

/** The content of a request's log line. The line has no field for an empty string or undefined. */
export interface RequestRecord {
  readonly id: string;
  /** The client's address, as far as it is believed. */
  readonly client: string;
  readonly listener: string;
  readonly protocol: string;
  readonly method: string;
  /** As the client sent it, with its port. */
  readonly host: string;
  /** In normal form, without the query, which may have secrets in it. */
  readonly path: string;
  readonly route: string;
  readonly pool: string;
  /** The address of the last backend that got the request. */
  readonly backend: string;
  readonly attempts: readonly AttemptRecord[];
  /** Of the answer; 0: there was none. */
  readonly status: number;
  /** Bytes of the request's body. */
  readonly received: number;
  /** Bytes of the response's body. */
  readonly sent: number;
  /** From the request's head to the head of the backend's answer, in milliseconds. */
  readonly firstByte: number | undefined;
  /** From the request's head to the last byte of the answer, in milliseconds. */
  readonly duration: number;
  readonly reason: RequestReason;
  readonly detail: string | undefined;
  /** The trace that it is in; empty: none. */
  readonly trace: string;
  /** The client's name, as a guard has found it; empty: unknown. */
  readonly user: string;
  /** Fields of the request and of the response that the configuration names; undefined: none. */
  readonly requestFields: Readonly<Record<string, string>> | undefined;
  readonly responseFields: Readonly<Record<string, string>> | undefined;
}

/** Writes the line of a request that is over, at level info. */
export function logRequest(logger: LineLogger, record: RequestRecord): void {
  if (logger.isLevelEnabled("info")) logger.line(requestLine(record));
}

/** The line of a request that is over, as pino would write it, with its newline. */
export function requestLine(record: RequestRecord): string {
  const { attempts, detail, firstByte, requestFields, responseFields, reason } = record;
  const { origin, text } = requestReasons[reason];
  return (
    // Each text leaves its last quote to what follows.
    `{"level":"info","time":"${timeNow()}` +
    member('","id":"', record.id) +
    member('","trace":"', record.trace) +
    member('","client":"', record.client) +
    member('","user":"', record.user) +
    `","listener":"${escaped(record.listener)}","protocol":"${record.protocol}` +
    member('","method":"', record.method) +
    member('","host":"', record.host) +
    member('","path":"', record.path) +
    member('","route":"', record.route) +
    member('","pool":"', record.pool) +
    member('","backend":"', record.backend) +
    attemptsText(attempts) +
    `,"status":${loggedStatus(record)},"received":${record.received},"sent":${record.sent}` +
    (firstByte === undefined ? "" : `,"first_byte_ms":${milliseconds(firstByte)}`) +
    `,"duration_ms":${milliseconds(record.duration)}` +
    (requestFields === undefined ? "" : `,"request":${JSON.stringify(requestFields)}`) +
    (responseFields === undefined ? "" : `,"response":${JSON.stringify(responseFields)}`) +
    `,"reason":"${reason}` +
    (detail === undefined ? "" : `","detail":"${escaped(detail)}`) +
    `","origin":"${origin}","msg":"${text}"}\n`
  );
}

/** @param begin up to the quote before the value. */
const member = (begin: string, value: string): string => (value === "" ? "" : begin + escaped(value));

function attemptsText(attempts: readonly AttemptRecord[]): string {
  if (attempts.length === 0) return '"';
  let text = `","attempts":[${attemptText(attempts[0]!)}`;
  for (let at = 1; at < attempts.length; at++) text += `,${attemptText(attempts[at]!)}`;
  return `${text}]`;
}

function attemptText(attempt: AttemptRecord): string {
  const { backend, ms, error, status, retry } = attempt;
  const isPlain = error === undefined && status === undefined && retry === undefined;
  return isPlain
    ? `{"backend":"${escaped(backend)}","ms":${milliseconds(ms)}}`
    : JSON.stringify(rounded(attempt));
}
