import type { Cidr } from "../lib/cidr.ts";

/*
 * The types below are the JSON of `GET /sessions`. Its keys are stable, new ones may be added.
 */

/** How far a connection has come. `header` to `handshake` come before there is a session. */
export type SessionState =
  | "header"
  | "hello"
  | "handshake"
  | "queue"
  | "connect"
  | "relay"
  | "half-closed"
  | "idle"
  | "requests"
  | "upgraded"
  | "closing";

/** How far a request has come: looked at by a guard of its route, in the pool's queue, being connected, sent, being answered, changed to WebSocket. */
export type RequestState = "guarded" | "queue" | "connect" | "sent" | "answering" | "upgraded";

/** A client's connection that is open, and what is done with it. */
export interface OpenSession {
  /** As in the log. */
  readonly id: string;
  /** The worker that has it. */
  readonly worker: number;
  readonly listener: string;
  /** Address and port; empty for a unix socket's client. */
  readonly client: string;
  /** The server name that the client asked for; null for none. */
  readonly sni: string | null;
  readonly alpn: string | null;
  /** `TLSv1.2`, `TLSv1.3`; null for plain TCP and passthrough. */
  readonly tls: string | null;
  readonly state: SessionState;
  /** Null: none is chosen yet, or it speaks HTTP. */
  readonly pool: string | null;
  readonly backend: string | null;
  /** Since it was accepted. */
  readonly seconds: number;
  /** Bytes from the client, and to it, without TLS's own. */
  readonly received: number;
  readonly sent: number;
  /** How many requests came over it; null: it speaks no HTTP. */
  readonly requests_total: number | null;
  /** Those that are under way. */
  readonly requests: readonly OpenRequest[];
}

/** A request that is under way. */
export interface OpenRequest {
  /** Its request id, as in the log. */
  readonly id: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Null: none takes it, or it is not known yet. */
  readonly route: string | null;
  readonly pool: string | null;
  readonly backend: string | null;
  readonly state: RequestState;
  /** Since its head was there. */
  readonly seconds: number;
  /** Bytes of its body, and of that of the answer. */
  readonly received: number;
  readonly sent: number;
}

/** The choice of sessions for a list. */
export interface SessionFilter {
  readonly listener: string | undefined;
  /** Of the session, or of one of the requests. */
  readonly pool: string | undefined;
  readonly backend: string | undefined;
  /** Clients with an address in it. */
  readonly client: Cidr | undefined;
  /** How many are told, at most: those that are open for longest. */
  readonly limit: number;
}

/** The sessions of one worker, or of all of them. */
export interface SessionList<Session = OpenSession> {
  readonly sessions: readonly Session[];
  /** How many there are, those that are not told included. */
  readonly count: number;
}

/** As a worker tells it. */
export type WorkerSession = Omit<OpenSession, "worker">;
