import { type FieldMarker, markDropped } from "../../../http/hop-by-hop.ts";
import { Marks } from "../../../http/marks.ts";
import type { Fields, HeadEdits, RequestHead, ResponseHead } from "../../../http/message.ts";
import { readFields } from "../../../http/scan.ts";
import type { PlacedBackend } from "../../../model/backend.ts";
import type { PoolHttp } from "../../../model/http/backend.ts";
import type { CompiledRoute } from "../../decide/http/compiled-route.ts";
import { preflightOf } from "../../decide/http/cors.ts";
import type { AnswerField } from "../../guard/step.ts";
import type { ExchangeClient } from "./client.ts";
import { mixesCodings, rangeFields } from "./forward/compression.ts";
import { traceFields, traceLines } from "./tracing.ts";
import type { RequestView } from "./view.ts";

/**
 * A request as a backend gets it. It has all of the client's head but the fields' texts for itself: a connection of HTTP/1
 * has one object for all of its requests, and a copy may outlive its request.
 */
export class ForwardedHead implements RequestHead {
  readonly method: string;
  readonly host: string;
  readonly query: string;
  readonly secondPath = undefined;
  readonly length: number;
  readonly upgrade: "" | "websocket";
  readonly expectsContinue: boolean;
  readonly takesTrailers: boolean;
  readonly fields: Fields;
  readonly path: string;
  authority: string;
  /** As the client sent it. */
  readonly #asked: string;
  /** As the route takes it from elsewhere in the request; undefined: it does not. */
  readonly #rewritten: string | undefined;
  /** Of the connection to the backend: some refuse requests for another one (RFC 9113 section 8.3.1). */
  scheme: "http" | "https";

  constructor(view: RequestView, path: string, { rewriteHost }: Pick<CompiledRoute, "rewriteHost">) {
    const { head, fields } = view;
    this.method = head.method;
    this.host = head.host;
    this.query = head.query;
    this.length = head.length;
    this.upgrade = head.upgrade;
    this.expectsContinue = head.expectsContinue;
    this.takesTrailers = head.takesTrailers;
    this.fields = fields;
    this.path = path;
    this.authority = head.authority;
    this.#asked = head.authority;
    this.#rewritten = rewriteHost?.(view);
    this.scheme = head.scheme;
  }

  /** It goes to this backend. */
  goesTo(
    upstream: { readonly backend: PlacedBackend; readonly secure: boolean },
    route: CompiledRoute,
    http: PoolHttp,
  ): void {
    this.scheme = upstream.secure ? "https" : "http";
    this.authority = this.#rewritten ?? authorityFor(this.#asked, route, http, upstream.backend);
  }
}

/**
 * The host that the backend sees. A client of HTTP/1.0 may have named none; the backend's address will do then.
 * @param authority as the client sent it.
 */
function authorityFor(
  authority: string,
  route: CompiledRoute,
  { host }: PoolHttp,
  { address, hostName, target }: PlacedBackend,
): string {
  const own =
    target.kind === "unix" ? "localhost" : hostName === undefined ? address : `${hostName}:${target.port}`;
  const { host: rewritten, ownHost } = route.definition.rewrite;
  if (ownHost === true) return hostName ?? own;
  if (rewritten !== undefined) return rewritten;
  if (typeof host === "object") return host.name;
  return host === "backend" || authority === "" ? own : authority;
}

/** Changes to a head's fields, to which more may be added. */
export interface FieldChanges extends HeadEdits {
  lines: string;
}

/** Changes to a request's fields. Use them before the next call of this or of {@link responseEdits}. */
export function requestEdits(view: RequestView, route: CompiledRoute, client: ExchangeClient): FieldChanges {
  const { frontend, connection, forwarded } = client;
  const { requestFields } = route;
  const lines =
    frontend.requestLines +
    frontend.forwarding.lines(view, connection, forwarded) +
    grantedLines(view, route) +
    (view.trace === undefined ? "" : traceLines(view.trace));
  return {
    dropped: markDropped(view.fields, markersOf(view, route, client)),
    lines: requestFields === undefined ? lines : lines + requestFields.lines(view, view.fields),
  };
}

/** The fields that a backend does not get as the client sent them. */
function markersOf(
  view: RequestView,
  { requestFields, definition: { compress } }: CompiledRoute,
  { frontend, connection }: ExchangeClient,
): readonly FieldMarker[] {
  const own = frontend.forwarding.markers(connection.clientAddress);
  const edited = requestFields === undefined ? own : [...own, requestFields];
  const replaced = view.passage?.replaced;
  const unreserved = view.reserved === undefined ? edited : [...edited, view.reserved];
  const free = replaced === undefined ? unreserved : [...unreserved, replaced];
  const whole = compress !== undefined && mixesCodings(view) ? [...free, rangeFields] : free;
  return view.trace === undefined ? whole : [...whole, traceFields];
}

/** Fields of guards about the client; a field that the route sets or removes is the route's. */
function grantedLines({ passage }: RequestView, { requestFields }: CompiledRoute): string {
  if (passage === undefined || passage.requestLines === "") return "";
  if (requestFields === undefined) return passage.requestLines;
  const granted = readFields(passage.requestLines);
  const marks = new Uint8Array(granted.count);
  requestFields.mark(granted, marks);
  return granted.linesExcept(marks);
}

const droppedTrailers = new Marks();

/** A request's trailers without the fields that a backend does not get from a client: some take them for the head's. */
export function passedTrailers(
  trailers: Fields,
  view: RequestView,
  route: CompiledRoute,
  client: ExchangeClient,
): Fields {
  const marks = droppedTrailers.of(trailers);
  for (const marker of markersOf(view, route, client)) marker.mark(trailers, marks);
  return edited(trailers, marks, route.requestTrailers, view);
}

/** Fields behind the body of an answer, with the route's changes to them. */
export const editedTrailers = (
  trailers: Fields,
  { responseTrailers: edits }: CompiledRoute,
  view: RequestView,
): Fields => (edits === undefined ? trailers : edited(trailers, droppedTrailers.of(trailers), edits, view));

function edited(
  trailers: Fields,
  marks: Uint8Array,
  edits: CompiledRoute["responseTrailers"],
  view: RequestView,
): Fields {
  edits?.mark(trailers, marks);
  return readFields(trailers.linesExcept(marks) + (edits?.lines(view, trailers) ?? ""));
}

/** The fields with which most sites are safer, and which break none of them. */
const securityFields = [
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "SAMEORIGIN"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
  ["x-permitted-cross-domain-policies", "none"],
] as const;

/** Those of them of which neither the backend nor the route says anything. */
function securityLines(fields: Fields, route: CompiledRoute | undefined): string {
  const changes = route?.definition.responseFields;
  let lines = "";
  for (const [name, value] of securityFields)
    if (
      fields.findName(name) < 0 &&
      !(changes && (Object.hasOwn(changes.set, name) || changes.remove.includes(name)))
    )
      lines += `${name}: ${value}\r\n`;
  return lines;
}

/** Changes to a response's fields. @param view undefined: the request was not read. @param route undefined: none took it. */
export function responseEdits(
  { fields }: ResponseHead,
  view: RequestView | undefined,
  route: CompiledRoute | undefined,
  client: ExchangeClient,
): FieldChanges {
  const { frontend } = client;
  const responseFields = route?.responseFields;
  // The answer to a preflight has its fields already.
  const cors = view !== undefined && preflightOf(view) === undefined ? route?.cors : undefined;
  let markers = frontend.dropped;
  if (cors !== undefined) markers = [...markers, cors];
  if (responseFields !== undefined) markers = [...markers, responseFields];
  let lines = frontend.responseLines(client.connection.tls !== undefined);
  const { requestId } = frontend.front.forwarded;
  if (
    requestId !== undefined &&
    view !== undefined &&
    view.requestId !== "" &&
    fields.findName(requestId) < 0
  )
    lines += `${requestId}: ${view.requestId}\r\n`;
  lines += view?.passage?.responseLines ?? "";
  if (cors !== undefined) lines += cors.lines(view!.header("origin"));
  if (frontend.front.securityFields) lines += securityLines(fields, route);
  if (responseFields !== undefined) lines += responseFields.lines(view!, fields);
  const edits = { dropped: markDropped(fields, markers), lines };
  const special = view?.passage?.answerFields;
  if (special !== undefined) for (const each of special) changeAnswer(fields, each, edits);
  return edits;
}

function changeAnswer(fields: Fields, { name, line, when }: AnswerField, edits: FieldChanges): void {
  const isThere = fields.findName(name) >= 0;
  if (when !== "set" && (when === "present") !== isThere) return;
  for (let at = fields.findName(name); at >= 0; at = fields.findName(name, at + 1)) edits.dropped[at] = 1;
  edits.lines += line;
}

/** Has another value for a field go out, or none. @param line of it; empty: none. */
export function replaceField(fields: Fields, id: number, edits: FieldChanges, line: string): void {
  for (let at = fields.find(id); at >= 0; at = fields.find(id, at + 1)) edits.dropped[at] = 1;
  edits.lines += line;
}
