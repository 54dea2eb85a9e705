import type { Cidr } from "../../lib/cidr.ts";
import type { LogSampling } from "../access-log.ts";
import type { Target } from "../chain.ts";
import type { FileSource } from "../material.ts";
import type { Compression } from "./compression.ts";
import type { Cors } from "./cors.ts";
import type { Guard, GuardGroups } from "./guard.ts";
import type { TextTest } from "./match.ts";
import type { HttpMirror } from "./mirror.ts";
import type { RetryPolicy } from "./retry.ts";
import type { RouteTable } from "./route-table.ts";
import type { Template } from "./template.ts";

/** A status with which clients go elsewhere (RFC 9110 section 15.4). */
export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/** A path that replaces another; all of them in normal form. */
export type PathRewrite =
  | { readonly kind: "path"; readonly path: string }
  /**
   * In place of the prefix that matched. Only where the route matches by prefixes; without a slash at its end where they are
   * segments, and to the letter where they are text.
   */
  | { readonly kind: "prefix"; readonly prefix: string }
  /** In place of the first part of the path that the expression takes, or of all of them; `$1` in `replacement` is a group. */
  | {
      readonly kind: "regex";
      readonly pattern: string;
      readonly replacement: string;
      readonly all?: true;
    };

/** The origin of a host that is known only with a request. A text that is no host, or none, changes nothing. */
export type HostSource =
  | { readonly kind: "field"; readonly name: string }
  /** The path, with all parts of it replaced that the expression takes; `$1` in `replacement` is a group. */
  | { readonly kind: "path"; readonly pattern: string; readonly replacement: string };

/** Where clients are sent; undefined: as the request has it. */
export interface Redirect {
  readonly scheme: "http" | "https" | undefined;
  /** Lower case. */
  readonly host: string | undefined;
  /** `same`: that of the request, unless it is the usual one of the request's scheme, also where the scheme is another. */
  readonly port: number | "same" | undefined;
  readonly path: PathRewrite | undefined;
  /** In place of the request's query, with its question mark; empty: none. Undefined: the query stays. */
  readonly query?: string;
  readonly status: RedirectStatus;
}

/** An answer of umay's own. */
export interface Content {
  /** Undefined: the configuration has the text itself. */
  readonly source: FileSource | undefined;
  readonly bytes: Uint8Array;
  /** A media type (RFC 9110 section 8.3). */
  readonly type: string;
}

export type RouteAction =
  | {
      readonly kind: "pools";
      readonly to: Target;
      readonly changes?: readonly TargetChanges[];
      /** The field of the request that names the pool, in lower case; then `to` is empty. Undefined: `to` says it. */
      readonly field?: string;
    }
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  | { readonly kind: "respond"; readonly status: number; readonly content: Content | undefined };

/** The changes that a route makes for one of its pools, in place of those that it makes for the others. */
export interface TargetChanges {
  readonly pool: string;
  readonly requestFields: FieldChanges;
  readonly responseFields: FieldChanges;
  /** The host that its backends see; undefined: as the route says. */
  readonly host: string | undefined;
}

/** A field of a head. `absent`: only where the head has none of that name. `present`: in place of those that it has, if any. */
export interface FieldChange {
  readonly name: string;
  readonly value: Template;
  readonly when: "always" | "absent" | "present";
}

/** Changes to the fields of a head. Names are in lower case. */
export interface FieldChanges {
  /** In place of all fields of that name. */
  readonly set: Readonly<Record<string, Template>>;
  /** Beside the others of that name. */
  readonly add: Readonly<Record<string, Template>>;
  /** A name that ends in `*` stands for all that begin so. */
  readonly remove: readonly string[];
  /** Fields whose names pass one of these are left out, too, but for those that say where a message goes or ends. */
  readonly removeMatching?: readonly TextTest[];
  /** Further fields, behind the others. */
  readonly more?: readonly FieldChange[];
  /** Values whose variables turn out to be empty make no field. */
  readonly skipsEmpty?: true;
}

/** The part of a request that a key is made of, for pools that hash one. */
export type HashKey =
  | { readonly kind: "source-ip" }
  | { readonly kind: "header" | "cookie" | "query"; readonly name: string };

/** A cookie that keeps a client at the pool and the backend that it has. */
export interface Sticky {
  readonly cookie: string;
  /** A field of requests and answers, in lower case, that stands in place of the cookie; undefined: there is none. */
  readonly field?: string;
  /**
   * Whether the field is one of the backend's own, such as the id of a session: what clients get, and send, has the name of the
   * backend in front of the value. Undefined: it is umay's.
   */
  readonly wraps?: true;
  /** Whether a client whose backend may not be had gets no other one. Undefined: it gets another one, and its cookie. */
  readonly strict?: true;
  readonly sameSite: "lax" | "strict" | "none";
  /** In milliseconds; undefined: until the client's program ends. */
  readonly maxAge: number | undefined;
}

/** The treatment of the requests that a rule takes. */
export interface HttpRoute {
  /** Unique; in metrics, log and explanations. */
  readonly name: string;
  /** The name that its source has for it, perhaps as for others, perhaps empty; undefined: {@link name}. */
  readonly title?: string;
  /** Part of the order that its tables have; for explanations. */
  readonly priority: number;
  /** By the client's address; empty: every client. */
  readonly allow: readonly Cidr[];
  /** Wins over `allow`. */
  readonly deny: readonly Cidr[];
  /** Empty: nothing but `allow` and `deny` judges its requests. */
  readonly guards: GuardGroups;
  readonly action: RouteAction;
  /** In bytes, 0: no limit; undefined: the listener's. */
  readonly maxBody: number | undefined;
  /** Of an answer's body, in bytes, 0: no limit; undefined: the listener's. */
  readonly maxResponse?: number;
  readonly rewrite: {
    readonly path: PathRewrite | undefined;
    /** Instead of the client's; with a port where it has one. */
    readonly host: string | undefined;
    /** Whether the host is that of the backend itself. */
    readonly ownHost?: true;
    /** Before `host` where it gives one; undefined: nothing does. */
    readonly hostFrom?: HostSource;
  };
  readonly requestFields: FieldChanges;
  readonly responseFields: FieldChanges;
  /** To fields behind the body, where there are some; undefined: none. */
  readonly requestTrailers?: FieldChanges;
  readonly responseTrailers?: FieldChanges;
  /** In milliseconds. */
  readonly timeouts: {
    /** From the last byte of the request to the head of the response. */
    readonly firstByte: number;
    /** From the begin of an attempt, or the request's last byte, to the head of the response; undefined: no limit. */
    readonly try: number | undefined;
    /** From the request's head to the response's last byte; undefined: no limit. */
    readonly request: number | undefined;
    /** Without a byte in either direction; undefined: the listener's. */
    readonly idle: number | undefined;
  };
  readonly retry: RetryPolicy;
  readonly mirrors: readonly HttpMirror[];
  /** The first that the request has is hashed; empty: what the pool says. */
  readonly hash: readonly HashKey[];
  readonly sticky: Sticky | undefined;
  /** Undefined: what backends say of it goes to browsers. */
  readonly cors: Cors | undefined;
  /** Protocols that a connection may change to. */
  readonly upgrades: readonly "websocket"[];
  /** Undefined: answers go as they come. */
  readonly compress?: Compression;
  /** How many of its requests are traced, in percent; undefined: as usual. */
  readonly trace?: { readonly percent: number };
  /** Undefined: each of its requests has a line in the log. */
  readonly log?: LogSampling;
}

/** The rules of http listeners; those with the same ones share it. */
export interface HttpRouteTable extends RouteTable<HttpRoute> {
  readonly name: string;
  /** Those that its routes name, each once. */
  readonly guards: readonly Guard[];
}

/** Every pool that a table's routes lead to, each once. */
export function poolsOfTable(table: HttpRouteTable): ReadonlySet<string> {
  return new Set([...[...routesOf(table)].flatMap(poolsOfRoute), ...poolsOfGuards(table.guards)]);
}

/** Every pool whose backends guards ask. */
export const poolsOfGuards = (guards: readonly Guard[]): string[] =>
  guards.flatMap((guard) => (guard.kind === "forward" || guard.kind === "process" ? [guard.pool] : []));

export const poolsOfRoute = ({ action, mirrors }: HttpRoute): readonly string[] => [
  ...(action.kind === "pools" ? action.to.map(({ pool }) => pool) : []),
  ...mirrors.map(({ pool }) => pool),
];

/** The routes of a table, each once, in the order of their first rule. */
export function routesOf({ hosts }: RouteTable<HttpRoute>): ReadonlySet<HttpRoute> {
  return new Set(hosts.flatMap(({ rules }) => rules.map(({ route }) => route)));
}
