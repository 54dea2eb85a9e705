import { randomBytes } from "node:crypto";
import type { ProxyHeader } from "../../lib/proxy-protocol/header.ts";
import type { OpenRequest, SessionState, WorkerSession } from "../../model/open-session.ts";
import type { EndReason } from "../../model/reasons.ts";
import type { SessionRecord } from "../../observe/session-log.ts";

/** The outcome of a TLS handshake with a client. */
export interface TlsFacts {
  /** The name of the settings that it was by. */
  readonly settings: string;
  /** Empty without one. */
  readonly alpn: string;
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  /** The client's name in its certificate; empty without one. */
  readonly client: string;
  /** In milliseconds, from accept. */
  readonly took: number;
}

/** A PROXY header that came. */
export interface ProxyFacts {
  readonly header: ProxyHeader;
  /** The proxy that brought the client; empty where the header says that the proxy speaks for itself. */
  readonly via: string;
  /** When the header came, by performance.now(). */
  readonly came: number;
}

/** The part of a connection that a record tells of. */
interface RecordedConnection {
  readonly number: number;
  readonly listener: { readonly definition: { readonly name: string } };
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly proxy: ProxyFacts | undefined;
  readonly serverName: string;
  readonly tls: TlsFacts | undefined;
}

/** A record that is being filled in: spreading one into another costs several times as much. */
export type OpenRecord = { -readonly [K in keyof SessionRecord]: SessionRecord[K] };

/** The part of a connection that can be told while it is open. */
interface ToldConnection extends RecordedConnection {
  readonly acceptedAt: number;
}

/** A session that is being told of: fields that follow from more than its connection are to be filled in. */
export type ToldSession = { -readonly [K in keyof WorkerSession]: WorkerSession[K] };

/** A description of an open connection, as far as it came without being served. @param now by performance.now(). */
export function tellConnection(connection: ToldConnection, state: SessionState, now: number): ToldSession {
  const { listener, serverName, tls, acceptedAt } = connection;
  return {
    id: sessionId(connection.number),
    listener: listener.definition.name,
    client: clientOf(connection),
    sni: serverName || null,
    alpn: tls?.alpn || null,
    tls: tls?.version ?? null,
    state,
    pool: null,
    backend: null,
    seconds: secondsBetween(acceptedAt, now),
    received: 0,
    sent: 0,
    requests_total: null,
    requests: none,
  };
}

const none: readonly OpenRequest[] = [];

/** Between two times by performance.now(), to milliseconds. */
export const secondsBetween = (from: number, to: number): number => Math.max(0, Math.round(to - from)) / 1000;

/** The record of an ended connection, as far as it came without being served. @param duration in milliseconds. */
export function connectionRecord(
  connection: RecordedConnection,
  reason: EndReason,
  duration: number,
): OpenRecord {
  const { listener, serverName, tls, proxy } = connection;
  return {
    id: sessionId(connection.number),
    client: clientOf(connection),
    listener: listener.definition.name,
    serverName,
    alpn: tls?.alpn ?? "",
    tlsVersion: tls?.version ?? "",
    tlsError: "",
    via: proxy?.via ?? "",
    proxyError: "",
    httpError: "",
    glitches: 0,
    clientCertificate: tls?.client ?? "",
    pool: "",
    backend: "",
    pick: undefined,
    attempts: [],
    received: 0,
    sent: 0,
    handshake: tls?.took,
    queue: undefined,
    connect: undefined,
    duration,
    reason,
    requests: undefined,
  };
}

/** Which thread it is: another one after each start. */
const thread = randomBytes(3).toString("hex");

/** The name of a connection among all, in logs and for people. @param number among those of this worker. */
export function sessionId(number: number): string {
  return `${thread}-${number.toString(36)}`;
}

/** The number in such a name; undefined: the connection is not this worker's. */
export function sessionNumber(id: string): number | undefined {
  const [of, number = ""] = id.split("-", 2);
  return of === thread && /^[0-9a-z]{1,11}$/.test(number) ? Number.parseInt(number, 36) : undefined;
}

function clientOf({ clientAddress, clientPort }: RecordedConnection): string {
  if (clientAddress === "") return "";
  return clientAddress.includes(":") ? `[${clientAddress}]:${clientPort}` : `${clientAddress}:${clientPort}`;
}
