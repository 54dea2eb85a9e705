import type { Cidr } from "../../lib/cidr.ts";
import type { ListenerLog } from "../access-log.ts";
import type { Content, FieldChanges, HttpRoute } from "./route.ts";

/** How much of a request a listener takes. Sizes are in bytes. */
export interface HttpLimits {
  /** The request line included. */
  readonly requestHead: number;
  readonly fields: number;
  readonly target: number;
  /** 0: no limit. */
  readonly body: number;
  /** Of an answer's body; 0 or undefined: no limit. */
  readonly response?: number;
  /** Of a body, per second, after the first 10 s; 0: off. */
  readonly minBodyRate: number;
  /** Requests under way that go to backends, over all workers; 0: no limit. */
  readonly requests: number;
}

/** Time limits, in milliseconds. */
export interface HttpTimeouts {
  /** From a request's first byte to the end of its head. */
  readonly requestHeader: number;
  /** Between two pieces of a request's body. */
  readonly bodyIdle: number;
  /** Between two requests of a connection. */
  readonly keepAlive: number;
  /** Of a request without a byte in either direction. */
  readonly idle: number;
  /** The same after a change of protocol. */
  readonly upgradedIdle: number;
}

/** A field by which a proxy in front names the client: one address, and nothing else. */
export interface ClientField {
  /** In lower case. */
  readonly name: string;
  /** The status with which a request is refused that has no such field; undefined: the next one counts. */
  readonly refusal: number | undefined;
}

/** The proxies that are believed about clients, and the fields that tell backends of clients. */
export interface Forwarded {
  /** Peers whose fields count; empty: nobody's. */
  readonly trust: readonly Cidr[];
  /** Fields that count before {@link read}, the first that names a client; undefined: there are none. */
  readonly clientFields?: readonly ClientField[];
  /**
   * So many entries of the field are by proxies that are believed, whatever their addresses are: the first of these names the
   * client. 0: the field is not read. Undefined: trust says it.
   */
  readonly hops?: number;
  /** Whether the id of a request that a client brings stays, whoever the client is. */
  readonly keepsRequestId?: boolean;
  /** Whether X-Forwarded-Client-Cert of a client goes on, whoever the client is. */
  readonly keepsCertificate?: boolean;
  readonly read: "x-forwarded-for" | "forwarded";
  readonly write: readonly ("x-forwarded" | "forwarded")[];
  /** The field that has the request's id, lower case; undefined: none is made. */
  readonly requestId: string | undefined;
}

/** Strict-Transport-Security (RFC 6797), on answers over TLS. */
export interface Hsts {
  /** In milliseconds. */
  readonly maxAge: number;
  readonly subdomains: boolean;
  readonly preload: boolean;
}

/** A page in place of the text of umay's own answers with one of these statuses. */
export interface ErrorPage {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly content: Content;
  /** In place of the answer's own; undefined: that stays. */
  readonly status?: number;
}

/** A version of HTTP that clients may speak. */
export type HttpVersion = "2" | "1.1";

/** How much of a client a connection of HTTP/2 takes. Sizes are in bytes. */
export interface Http2Front {
  /** Open at a time. */
  readonly streams: number;
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Of the header fields that are remembered. */
  readonly headerTable: number;
  /** When a client that says nothing is asked whether it is there, and how long it has to answer, in milliseconds; undefined: never. */
  readonly ping: { readonly interval: number; readonly timeout: number } | undefined;
  /** Streams that are reset before they are answered: so many at once, and so many a second. */
  readonly resets: { readonly burst: number; readonly perSecond: number };
  /** Useless frames, halved every 30 s. */
  readonly glitches: number;
}

/** How a listener speaks HTTP with its clients. */
export interface HttpFront {
  /** In order of preference, where clients agree on one over TLS; without TLS their first bytes say which one they speak. */
  readonly versions: readonly HttpVersion[];
  readonly http2: Http2Front;
  readonly limits: HttpLimits;
  readonly timeouts: HttpTimeouts;
  /** Of a connection; undefined: no limit. */
  readonly maxRequests: number | undefined;
  /** Of a connection, in milliseconds, ±10 %; undefined: no limit. */
  readonly maxAge: number | undefined;
  /** Request fields with `_` in their names. */
  readonly underscores: "drop" | "refuse" | "pass";
  /** Paths whose two readings lead to different routes. */
  readonly ambiguousPaths: "refuse" | "pass";
  /** Several slashes in a row count as one, in routes and for backends. */
  readonly mergesSlashes?: true;
  /** Changes to the fields of requests before anything looks at them, one after the other; undefined: none. */
  readonly earlyFields?: readonly FieldChanges[];
  /** Requests for a host whose connections have another certificate or other terms of TLS. */
  readonly misdirected: "refuse" | "pass";
  /** Whether answers 103 go on: to clients of HTTP/2, to all, to none. */
  readonly earlyHints: "2" | "all" | "off";
  /** Undefined: umay adds no Via. */
  readonly via: string | undefined;
  /** The backend's Server field: stays, goes, or has this text instead. */
  readonly server: "keep" | "remove" | { readonly text: string };
  readonly hsts: Hsts | undefined;
  /** Whether answers get the usual fields that make browsers careful, where nobody else has said anything of them. */
  readonly securityFields: boolean;
  readonly forwarded: Forwarded;
  /** The first that has the status counts. */
  readonly errors: readonly ErrorPage[];
  /** Logs of its own, in place of umay's; undefined: none. */
  readonly logs?: readonly ListenerLog[];
}

/** Speaks HTTP: finds the route of each request. */
export interface HttpServe {
  readonly kind: "http";
  /** The name of a route table. */
  readonly routes: string;
  /** The route of requests that no rule takes; undefined: they are answered by umay. */
  readonly fallback: HttpRoute | undefined;
  readonly front: HttpFront;
}
