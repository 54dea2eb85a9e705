import { type RequestReason, requestReasons } from "../model/reasons.ts";
import { escaped, KnownTexts, milliseconds, timeNow } from "./json-text.ts";
import { loggedStatus } from "./request-fields.ts";
import { type AttemptRecord, rounded } from "./session-log.ts";
import type { LineLogger } from "./worker-logger.ts";

/** The content of a request's log line. The line has no field for an empty string or undefined. */
export interface RequestRecord {
  readonly id: string;
  /** The client's address, as far as it is believed. */
  readonly client: string;
  readonly listener: string;
  readonly protocol: "HTTP/1.1" | "HTTP/2";
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
  const { detail, firstByte, protocol, requestFields, responseFields, reason } = record;
  return (
    // Each text leaves its last quote to what follows.
    `{"level":"info","time":"${timeNow()}` +
    member('","id":"', record.id) +
    member('","trace":"', record.trace) +
    member('","client":"', record.client) +
    member('","user":"', record.user) +
    (protocol === "HTTP/2" ? listenersOf2 : listenersOf1).of(record.listener) +
    member('","method":"', record.method) +
    member('","host":"', record.host) +
    member('","path":"', record.path) +
    member('","route":"', record.route) +
    member('","pool":"', record.pool) +
    backendText(record) +
    `,"status":${loggedStatus(record)},"received":${record.received},"sent":${record.sent}` +
    (firstByte === undefined ? "" : `,"first_byte_ms":${milliseconds(firstByte)}`) +
    `,"duration_ms":${milliseconds(record.duration)}` +
    (requestFields === undefined ? "" : `,"request":${JSON.stringify(requestFields)}`) +
    (responseFields === undefined ? "" : `,"response":${JSON.stringify(responseFields)}`) +
    (detail === undefined
      ? ends[reason]
      : `,"reason":"${reason}","detail":"${escaped(detail)}${origins[reason]}`)
  );
}

/** @param begin up to the quote before the value. */
const member = (begin: string, value: string): string => (value === "" ? "" : begin + escaped(value));

function backendText({ backend, attempts }: RequestRecord): string {
  const [first] = attempts;
  if (first === undefined) return `${member('","backend":"', backend)}"`;
  // The usual one: its only attempt was to that backend.
  if (attempts.length === 1 && first.backend === backend && isPlain(first))
    return `${backends.of(backend)}${milliseconds(first.ms)}}]`;
  return `${member('","backend":"', backend)}","attempts":${JSON.stringify(attempts.map(rounded))}`;
}

const isPlain = ({ error, status, retry }: AttemptRecord): boolean =>
  error === undefined && status === undefined && retry === undefined;

const listenersOf1 = new KnownTexts((name) => `","listener":"${escaped(name)}","protocol":"HTTP/1.1`);
const listenersOf2 = new KnownTexts((name) => `","listener":"${escaped(name)}","protocol":"HTTP/2`);
const backends = new KnownTexts((address) => {
  const text = escaped(address);
  return `${member('","backend":"', address)}","attempts":[{"backend":"${text}","ms":`;
});

/** By reason: the end of a line, from its origin on, and from the reason on where there is no detail. */
const origins = byReason((reason) => {
  const { origin, text } = requestReasons[reason];
  return `","origin":"${origin}","msg":"${escaped(text)}"}\n`;
});
const ends = byReason((reason) => `,"reason":"${reason}${origins[reason]}`);

function byReason(text: (reason: RequestReason) => string): Readonly<Record<RequestReason, string>> {
  const reasons = Object.keys(requestReasons) as RequestReason[];
  return Object.fromEntries(reasons.map((reason) => [reason, text(reason)])) as Record<RequestReason, string>;
}
