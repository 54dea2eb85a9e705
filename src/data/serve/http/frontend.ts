import { FieldEdits } from "../../../http/edits.ts";
import type { FieldMarker } from "../../../http/hop-by-hop.ts";
import { type ConnectionLimits, clientSideLimits } from "../../../http/http2/limits.ts";
import type { RequestHead } from "../../../http/message.ts";
import { NameSet } from "../../../http/name-set.ts";
import type { RequestLimits } from "../../../http/scan.ts";
import { withMergedSlashes } from "../../../http/uri/path.ts";
import type { ErrorPage, Hsts, HttpFront, HttpServe } from "../../../model/http/front.ts";
import { EarlyFields } from "../../decide/http/early-fields.ts";
import { type CompiledTable, Routing } from "../../decide/http/routing.ts";
import { Forwarding } from "./forwarded.ts";

/** Route tables as they are served now, by name. */
export type ServedTables = ReadonlyMap<string, CompiledTable>;

/** How a listener speaks HTTP, with all that can be prepared before a request comes. */
export class HttpFrontend {
  readonly front: HttpFront;
  readonly limits: RequestLimits;
  /** Of a connection that speaks HTTP/2. */
  readonly http2: ConnectionLimits;
  readonly forwarding: Forwarding;
  /** Undefined: there are none. */
  readonly early: EarlyFields | undefined;
  /** Fields of a backend that do not reach clients, besides those that a route names. */
  readonly dropped: readonly FieldMarker[];
  readonly #serve: HttpServe;
  readonly #tables: ServedTables;
  readonly #lines: string;
  readonly #secureLines: string;
  readonly #via: string;
  #routing: Routing | undefined;

  /** @param tables that are served, now and later. */
  constructor(serve: HttpServe, tables: ServedTables) {
    const { front } = serve;
    const { server, via, hsts } = front;
    this.front = front;
    this.limits = {
      head: front.limits.requestHead,
      fields: front.limits.fields,
      target: front.limits.target,
      underscores: front.underscores,
    };
    this.http2 = http2Limits(front);
    this.forwarding = new Forwarding(front.forwarded);
    this.early = EarlyFields.of(front.earlyFields);
    this.#serve = serve;
    this.#tables = tables;
    this.#via = via === undefined ? "" : linesOf({ via: `1.1 ${via}` });
    this.#lines = (typeof server === "object" ? linesOf({ server: server.text }) : "") + this.#via;
    this.#secureLines = this.#lines + (hsts === undefined ? "" : linesOf(hstsField(hsts)));
    const names = [
      ...(server === "keep" ? [] : ["server"]),
      ...(hsts === undefined ? [] : ["strict-transport-security"]),
    ];
    this.dropped = names.length === 0 ? [] : [new NameSet(names)];
  }

  /** The rules as they are served now. */
  get routing(): Routing {
    const table = this.#tables.get(this.#serve.routes)!;
    if (this.#routing?.index !== table.index) this.#routing = new Routing(this.#serve, table);
    return this.#routing;
  }

  /** A request as its routes and backends are to see it. */
  read(head: RequestHead): RequestHead {
    return this.front.mergesSlashes === true ? withMergedSlashes(head) : head;
  }

  /** Fields for the backend, as lines. */
  get requestLines(): string {
    return this.#via;
  }

  /** Fields for the client, as lines. @param secure whether it came over TLS. */
  responseLines(secure: boolean): string {
    return secure ? this.#secureLines : this.#lines;
  }

  errorPage(status: number): ErrorPage | undefined {
    return this.front.errors.find(({ from, to }) => status >= from && status <= to);
  }
}

function http2Limits({ limits, underscores, http2 }: HttpFront): ConnectionLimits {
  const { streams, streamWindow, connectionWindow, headerTable, resets, glitches } = http2;
  return {
    ...clientSideLimits,
    streams,
    streamWindow,
    connectionWindow,
    headerTable,
    head: { size: limits.requestHead, fields: limits.fields, underscores },
    budget: { ...clientSideLimits.budget, resets, glitches },
  };
}

/** A text of the configuration that cannot be a field is an error there. */
const linesOf = (set: Readonly<Record<string, string>>): string =>
  new FieldEdits<undefined>({ set }).lines(undefined);

/** RFC 6797 section 6.1. */
function hstsField({ maxAge, subdomains, preload }: Hsts): Record<string, string> {
  const parts = [`max-age=${Math.floor(maxAge / 1_000)}`];
  if (subdomains) parts.push("includeSubDomains");
  if (preload) parts.push("preload");
  return { "strict-transport-security": parts.join("; ") };
}
