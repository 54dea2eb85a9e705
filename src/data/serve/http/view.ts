import { firstValue, joinedValue } from "../../../http/joined-value.ts";
import type { Fields, RequestHead } from "../../../http/message.ts";
import { queryValue } from "../../../http/uri/query.ts";
import type { Variable } from "../../../model/http/template.ts";
import type { DecidedRequest } from "../../decide/http/decide.ts";
import type { HashFacts } from "../../decide/http/hash-key.ts";
import type { ReservedNames } from "../../decide/http/reserved.ts";
import type { TemplateFacts } from "../../decide/http/template.ts";
import { isMisdirected } from "../../decide/misdirected.ts";
import type { Passage } from "../../guard/passage.ts";
import type { GuardedRequest } from "../../guard/step.ts";
import { type HttpConnection, localVariable, tlsVariable } from "./client.ts";
import type { ProcessedExchange, StandingProcessing } from "./process/exchange.ts";
import type { Trace } from "./tracing.ts";

/** A request as routes, keys and templates look at it. */
export class RequestView implements DecidedRequest, HashFacts, TemplateFacts, GuardedRequest {
  head: RequestHead;
  /** Valid as long as those of the head; {@link keep} makes them stay. */
  fields: Fields;
  /** The client's address: the connection's, or what a trusted peer says. */
  client: string;
  readonly connection: HttpConnection;
  requestId = "";
  /** Undefined: it is in no trace. */
  trace: Trace | undefined = undefined;
  route = "";
  /** The name that the route's source has for it. */
  title = "";
  /** Of the pool and the backend that got it; empty: none has it yet. */
  pool = "";
  backend = "";
  protocol: "HTTP/1.1" | "HTTP/2" = "HTTP/1.1";
  #chance: number | undefined = undefined;
  /** Past the guards of its route; undefined: there are none. */
  passage: Passage | undefined = undefined;
  /** The exchange that it is part of; undefined: it is only looked at. */
  exchange: ProcessedExchange | undefined = undefined;
  /** The processors that have a say in it, in the order in which they were asked; undefined: none. */
  processings: readonly StandingProcessing[] | undefined = undefined;

  /** Names under which a client has sent nothing, whatever it sent. */
  readonly reserved: ReservedNames | undefined;

  constructor(head: RequestHead, connection: HttpConnection, reserved?: ReservedNames) {
    this.head = head;
    this.reserved = reserved;
    this.fields = head.fields;
    this.client = connection.clientAddress;
    this.connection = connection;
  }

  get isTraced(): boolean {
    return this.trace?.sampled === true;
  }

  get isMisdirected(): boolean {
    const { connection, head } = this;
    const { tls, serverName } = connection;
    if (tls === undefined || head.host === serverName) return false;
    const negotiated = { settings: tls.settings, serverName, alpn: tls.alpn };
    return isMisdirected(connection.listener, negotiated, connection.peer(), head.host);
  }

  keep(): void {
    this.fields = this.fields.retain();
  }

  get host(): string {
    return this.head.host;
  }

  get method(): string {
    return this.head.method;
  }

  get path(): string {
    return this.head.path;
  }

  get query(): string {
    return this.head.query;
  }

  get secondPath(): string | undefined {
    return this.head.secondPath;
  }

  get scheme(): "http" | "https" {
    return this.head.scheme;
  }

  get authority(): string {
    return this.head.authority;
  }

  get upgrade(): "" | "websocket" {
    return this.head.upgrade;
  }

  /** All fields of a name, joined, or the first of them alone. */
  header(name: string, which?: "first"): string | undefined {
    if (name.startsWith(":")) return this.#pseudo(name);
    if (this.reserved?.has(name)) return undefined;
    return which === "first" ? firstValue(this.fields, name) : joinedValue(this.fields, name);
  }

  #pseudo(name: string): string | undefined {
    switch (name) {
      case ":method":
        return this.head.method;
      case ":path":
        return this.head.path + this.head.query;
      case ":authority":
        return this.head.authority;
      case ":scheme":
        return this.head.scheme;
      default:
        return undefined;
    }
  }

  /** From 0 to below 100, the same for every rule. */
  get chance(): number {
    this.#chance ??= Math.random() * 100;
    return this.#chance;
  }

  queryValue(name: string): string | undefined {
    return queryValue(this.head.query, name);
  }

  claim(name: string): string {
    return this.passage?.claim(name) ?? "";
  }

  variable(name: Variable): string {
    switch (name) {
      case "client.ip":
        return this.client;
      case "client.port":
        // Of a client behind a proxy nobody knows it.
        return this.client === this.connection.clientAddress ? String(this.connection.clientPort) : "";
      case "client.peer":
        return this.connection.clientAddress;
      case "request.id":
        return this.requestId;
      case "request.method":
        return this.head.method;
      case "request.host":
        return this.head.authority;
      case "request.path":
        return this.head.path;
      case "request.query":
        return this.head.query;
      case "request.target":
        return this.head.path + this.head.query;
      case "request.protocol":
        return this.protocol;
      case "request.scheme":
        return this.head.scheme;
      case "route":
        return this.title;
      case "listener":
        return this.connection.listener.definition.name;
      case "listener.address":
      case "listener.port":
        return localVariable(name, this.connection);
      case "pool":
        return this.pool;
      case "trace.id":
        return this.trace?.traceId ?? "";
      case "attempt":
        return String(this.exchange?.backend?.attempts.length ?? "");
      case "time":
        return new Date().toISOString();
      case "auth.user":
        return this.passage?.user ?? "";
      case "backend.address":
        return this.backend;
      default:
        return tlsVariable(name, this.connection);
    }
  }
}
