import type { EndReason } from "../model/reasons.ts";
import { logSession, type PickRecord } from "../observe/session-log.ts";
import { hashKey } from "./pick/consistent-hash.ts";
import type { Session } from "./session.ts";

/** Writes the line of an ended session, where lines are wanted. @param duration in milliseconds. */
export function recordSession(session: Session, reason: EndReason, duration: number): void {
  const { plane, listener, attempts } = session;
  if (!plane.logSessions) return;
  const last = attempts.at(-1);
  const connected = last !== undefined && last.error === undefined && session.connectTook > 0;
  logSession(plane.logger, {
    client: clientOf(session),
    listener: listener.definition.name,
    serverName: session.serverName,
    alpn: session.alpn,
    tlsVersion: session.tlsVersion,
    tlsError: session.tlsError,
    via: session.via,
    proxyError: session.proxyError,
    clientCertificate: session.clientCertificate,
    pool: session.routed ? session.pool.definition.name : "",
    backend: connected ? last.backend.address : "",
    pick: pickOf(session),
    attempts: attempts.map(({ backend, took, error }) => ({ backend: backend.address, ms: took, error })),
    received: session.received,
    sent: session.sent,
    handshake: session.handshakeTook > 0 ? session.handshakeTook : undefined,
    queue: session.queueTook > 0 ? session.queueTook : undefined,
    connect: connected ? session.connectTook : undefined,
    duration,
    reason,
  });
}

function pickOf(session: Session): PickRecord | undefined {
  const { candidates, skipped } = session;
  if (candidates === undefined) return undefined;
  const { picker } = session.pool.definition;
  const key = picker.type === "consistent-hash" ? hashKey(picker, session) : undefined;
  return { picker: picker.type, key, candidates, skipped };
}

function clientOf({ clientAddress, clientPort }: Session): string {
  if (clientAddress === "") return "";
  return clientAddress.includes(":") ? `[${clientAddress}]:${clientPort}` : `${clientAddress}:${clientPort}`;
}
