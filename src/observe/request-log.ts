import type { Variable } from "../model/http/template.ts";
import { type RequestReason, requestReasons } from "../model/reasons.ts";
import { escaped, timeText } from "./json-text.ts";
import { KnownParts, LineBytes } from "./line-bytes.ts";
import { loggedStatus } from "./request-fields.ts";
import { type AttemptRecord, rounded } from "./session-log.ts";
import type { LineLogger } from "./worker-logger.ts";

/** The content of a request's log line, which is made later: it changes no more. The line has no field for an empty string or undefined. */
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
  /** The name that the route's source has for it; undefined: the same. */
  readonly title?: string | undefined;
  readonly pool: string;
  /** The address of the last backend that got the request. */
  readonly backend: string;
  readonly attempts: readonly AttemptRecord[];
  /** Of the answer; 0: there was none. */
  readonly status: number;
  /** Of gRPC, behind the answer or in its head; undefined: it says none. */
  readonly grpcStatus: number | undefined;
  /** Bytes of the request's body. */
  readonly received: number;
  /** Bytes of the response's body. */
  readonly sent: number;
  /** From the request's head to the head of the backend's answer, in milliseconds. */
  readonly firstByte: number | undefined;
  /** From the request's head to the last byte of the answer, in milliseconds. */
  readonly duration: number;
  /** When it was over, in whole milliseconds since 1970. */
  readonly ended: number;
  readonly reason: RequestReason;
  readonly detail: string | undefined;
  /** The trace that it is in; empty: none. */
  readonly trace: string;
  /** The client's name, as a guard has found it; empty: unknown. */
  readonly user: string;
  /** Fields of the request, of the response and behind its body that the configuration names; undefined: none. */
  readonly requestFields: Readonly<Record<string, string>> | undefined;
  readonly responseFields: Readonly<Record<string, string>> | undefined;
  readonly trailerFields: Readonly<Record<string, string>> | undefined;
}

/** A request, where a log asks for more than its record has. */
export interface LoggedRequest {
  /** All fields of a name, which is in lower case, joined. */
  header(name: string): string | undefined;
  /** Empty: it has none. */
  variable(name: Variable): string;
  /** Whether its span is sent. */
  readonly isTraced: boolean;
}

/** Something that lines have of a request. @param request undefined: it was not read. */
export type LineValue = (
  record: RequestRecord,
  request: LoggedRequest | undefined,
) => string | number | undefined;

/** Writes the line of a request that is over, at level info. */
export function logRequest(logger: LineLogger, record: RequestRecord): void {
  if (logger.isLevelEnabled("info")) logger.later(record, requestLine);
}

const line = new LineBytes();

/** The line of a request that is over, as pino would write it, with its newline, in UTF-8: until the next call. */
export function requestLine(record: RequestRecord): Buffer {
  const { detail, firstByte, protocol, requestFields, responseFields, trailerFields, reason } = record;
  line.clear();
  // Each text leaves its last quote to what follows.
  line.known(beginAt(record.ended));
  member(parts.id, record.id);
  member(parts.trace, record.trace);
  member(parts.client, record.client);
  member(parts.user, record.user);
  line.known((protocol === "HTTP/2" ? listenersOf2 : listenersOf1).of(record.listener));
  member(parts.method, record.method);
  member(parts.host, record.host);
  member(parts.path, record.path);
  member(parts.route, record.route);
  member(parts.pool, record.pool);
  putBackend(record);
  line.known(parts.status);
  line.number(loggedStatus(record));
  if (record.grpcStatus !== undefined) {
    line.known(parts.grpcStatus);
    line.number(record.grpcStatus);
  }
  line.known(parts.received);
  line.number(record.received);
  line.known(parts.sent);
  line.number(record.sent);
  if (firstByte !== undefined) {
    line.known(parts.firstByte);
    line.milliseconds(firstByte);
  }
  line.known(parts.duration);
  line.milliseconds(record.duration);
  if (requestFields !== undefined) line.text(`,"request":${JSON.stringify(requestFields)}`);
  if (responseFields !== undefined) line.text(`,"response":${JSON.stringify(responseFields)}`);
  if (trailerFields !== undefined) line.text(`,"trailer":${JSON.stringify(trailerFields)}`);
  if (detail === undefined) line.known(ends[reason]);
  else line.text(`,"reason":"${reason}","detail":"${escaped(detail)}${originText(reason)}`);
  return line.line;
}

/** @param begin up to the quote before the value. */
function member(begin: Buffer, value: string): void {
  if (value === "") return;
  line.known(begin);
  line.escaped(value);
}

function putBackend({ backend, attempts }: RequestRecord): void {
  const [first] = attempts;
  // The usual one: its only attempt was to that backend.
  if (first !== undefined && attempts.length === 1 && first.backend === backend && isPlain(first)) {
    line.known(backends.of(backend));
    line.milliseconds(first.ms);
    line.known(parts.attemptEnd);
    return;
  }
  member(parts.backend, backend);
  line.known(parts.quote);
  if (first !== undefined) line.text(`,"attempts":${JSON.stringify(attempts.map(rounded))}`);
}

const isPlain = ({ error, status, retry }: AttemptRecord): boolean =>
  error === undefined && status === undefined && retry === undefined;

const parts = {
  id: Buffer.from('","id":"'),
  trace: Buffer.from('","trace":"'),
  client: Buffer.from('","client":"'),
  user: Buffer.from('","user":"'),
  method: Buffer.from('","method":"'),
  host: Buffer.from('","host":"'),
  path: Buffer.from('","path":"'),
  route: Buffer.from('","route":"'),
  pool: Buffer.from('","pool":"'),
  backend: Buffer.from('","backend":"'),
  quote: Buffer.from('"'),
  attemptEnd: Buffer.from("}]"),
  status: Buffer.from(',"status":'),
  grpcStatus: Buffer.from(',"grpc_status":'),
  received: Buffer.from(',"received":'),
  sent: Buffer.from(',"sent":'),
  firstByte: Buffer.from(',"first_byte_ms":'),
  duration: Buffer.from(',"duration_ms":'),
};

/** The begin of lines of the same millisecond. */
let begin = { ms: 0, bytes: Buffer.alloc(0) };

function beginAt(ms: number): Buffer {
  if (ms !== begin.ms) begin = { ms, bytes: Buffer.from(`{"level":"info","time":"${timeText(ms)}`) };
  return begin.bytes;
}

const listenersOf1 = new KnownParts((name) => `","listener":"${escaped(name)}","protocol":"HTTP/1.1`);
const listenersOf2 = new KnownParts((name) => `","listener":"${escaped(name)}","protocol":"HTTP/2`);
const backends = new KnownParts((address) => {
  const text = escaped(address);
  const named = address === "" ? "" : `","backend":"${text}`;
  return `${named}","attempts":[{"backend":"${text}","ms":`;
});

/** The end of a line, from its origin on. */
function originText(reason: RequestReason): string {
  const { origin, text } = requestReasons[reason];
  return `","origin":"${origin}","msg":"${escaped(text)}"}\n`;
}

/** By reason: the end of a line from the reason on, where there is no detail. */
const ends = byReason((reason) => Buffer.from(`,"reason":"${reason}${originText(reason)}`));

function byReason<T>(of: (reason: RequestReason) => T): Readonly<Record<RequestReason, T>> {
  const reasons = Object.keys(requestReasons) as RequestReason[];
  return Object.fromEntries(reasons.map((reason) => [reason, of(reason)])) as Record<RequestReason, T>;
}
