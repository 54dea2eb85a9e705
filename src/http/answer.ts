import type { ResponseHead, ResponseReceiver } from "./message.ts";
import { readFields } from "./scan.ts";
import { phraseOf } from "./status.ts";

/** An answer of umay's own, for any version of HTTP. */
export interface Answer {
  readonly head: ResponseHead;
  /** Empty where there is none, as with HEAD. */
  readonly body: Buffer;
}

/** The content of an answer. Texts have a character per byte. */
export interface AnswerSpec {
  readonly status: number;
  /** The code of the reason why the request was not served, as in the log. */
  readonly reason: string;
  /** The exact fault of the request. */
  readonly detail?: string | undefined;
  readonly requestId?: string | undefined;
  /** When to ask again, in seconds. */
  readonly retryAfter?: number | undefined;
  /** Of gRPC; undefined: what the status and the reason say. */
  readonly grpcStatus?: number | undefined;
}

/** For 405 (RFC 9110 section 15.5.6), which answers CONNECT and TRACE: the other methods. */
const allowed = "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

/**
 * @param lines of the head, each with its CRLF, without Content-Length.
 * @param body also of an answer to HEAD, which says its length.
 */
export function answerWith(status: number, lines: string, body: Buffer, method: string): Answer {
  const fields = readFields(`${lines}${dateLine()}content-length: ${body.length}\r\n`);
  const sent = method === "HEAD" ? nothing : body;
  return { head: { status, phrase: "", length: sent.length, fields }, body: sent };
}

const nothing = Buffer.alloc(0);

/** RFC 9110 section 6.6.1: whoever makes an answer says when. */
const dateLine = (): string => `date: ${new Date().toUTCString()}\r\n`;

/**
 * An answer with a body of one line, or with the problem as JSON (RFC 9457) for a client that would rather have that.
 * @param method of the request.
 * @param accept the request's Accept field; empty where it has none.
 */
export function createAnswer(spec: AnswerSpec, method: string, accept: string): Answer {
  const isJson = prefersJson(accept);
  const type = isJson ? "application/problem+json" : "text/plain; charset=utf-8";
  const lines = `content-type: ${type}\r\n${spec.status === 405 ? allowed : ""}${retryAfterLine(spec)}`;
  const body = Buffer.from(isJson ? jsonOf(spec) : lineOf(spec), "latin1");
  return answerWith(spec.status, lines, body, method);
}

/** RFC 9110 section 10.2.3. */
export const retryAfterLine = ({ retryAfter }: Pick<AnswerSpec, "retryAfter">): string =>
  retryAfter === undefined ? "" : `retry-after: ${retryAfter}\r\n`;

/** The 100 that a client may wait for before it sends its body (RFC 9110 section 15.2.1). */
export const continueHead: ResponseHead = { status: 100, phrase: "", length: 0, fields: readFields("") };

/** Gives the whole answer to the client's side. */
export function sendAnswer({ head, body }: Answer, receiver: ResponseReceiver): void {
  receiver.response(head, true);
  if (body.length === 0) receiver.end(undefined);
  // A copy: the receiver may write to it, and the same body answers others.
  else receiver.body(Buffer.from(body), 0, body.length, true);
}

function lineOf({ status, reason, detail, requestId }: AnswerSpec): string {
  const why = detail === undefined ? reason : `${reason} (${detail})`;
  return `${status} ${phraseOf(status)}: ${why}${requestId === undefined ? "" : `, request ${requestId}`}\n`;
}

function jsonOf({ status, reason, detail, requestId }: AnswerSpec): string {
  const problem = { title: phraseOf(status), status, reason, detail, request_id: requestId };
  return `${JSON.stringify(problem)}\n`;
}

/**
 * Whether a client would rather have JSON than text (RFC 9110 section 12.5.1): it names JSON, and text with less weight,
 * or behind it, or not at all.
 */
export function prefersJson(accept: string): boolean {
  const ranges = accept.toLowerCase().split(",", mostRanges).map(readRange);
  const json = bestOf(ranges, ["application/json", "application/problem+json"]);
  const text = bestOf(ranges, ["text/html", "text/plain", "text/*"]);
  if (json === undefined || text === undefined) return json !== undefined;
  return (
    json.weight > text.weight || (json.weight === text.weight && ranges.indexOf(json) < ranges.indexOf(text))
  );
}

/** Further ones do not count. */
const mostRanges = 32;

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

function readRange(range: string): MediaRange {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  return { type, weight: weightOf(parameters) };
}

/** @returns the one with the most weight, the first of equal ones; undefined where all have none. */
function bestOf(ranges: readonly MediaRange[], types: readonly string[]): MediaRange | undefined {
  return ranges
    .filter(({ type, weight }) => weight > 0 && types.includes(type))
    .reduce<MediaRange | undefined>(
      (best, range) => (best && best.weight >= range.weight ? best : range),
      undefined,
    );
}

/** RFC 9110 section 12.4.2. @param parameters of a media range. @returns 0 to 1; 0 where it is malformed. */
function weightOf(parameters: readonly string[]): number {
  const parameter = parameters.find((text) => text.startsWith("q="));
  if (parameter === undefined) return 1;
  const weight = Number(parameter.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}

/** Statuses of gRPC (its statuscodes.md) for those of HTTP. */
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  408: 4,
  413: 8,
  429: 8,
  502: 14,
  503: 14,
  504: 4,
};

/** Where the reason says more than the status: UNAVAILABLE, as Gateway API asks for (GRPCRoute, `backendRefs`). */
const grpcReasons: Readonly<Record<string, number>> = { invalid_backend: 14 };

/** The `grpc-status` of an answer of umay's own. @param status of HTTP. */
export const grpcStatusFor = (status: number, reason: string): number =>
  grpcReasons[reason] ?? grpcStatuses[status] ?? 2;

/** The same for a client of gRPC: no body, and the outcome among the fields ("Trailers-Only" in its protocol). */
export function createGrpcAnswer({ status, reason, detail, grpcStatus }: AnswerSpec): Answer {
  const message = detail === undefined ? reason : `${reason} (${detail})`;
  return grpcAnswer(grpcStatus ?? grpcStatusFor(status, reason), message);
}

/** @param message printable ASCII. */
export function grpcAnswer(grpcStatus: number, message: string): Answer {
  const lines = `content-type: application/grpc\r\ngrpc-status: ${grpcStatus}\r\ngrpc-message: ${message}\r\n${dateLine()}`;
  return { head: { status: 200, phrase: "", length: 0, fields: readFields(lines) }, body: nothing };
}
