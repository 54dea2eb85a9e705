import type { Socket } from "node:net";
import { classifyHandshakeError, describeTlsError } from "./accept/handshake-failure.ts";
import { lastWordsAfter } from "./accept/last-words.ts";
import { connectFailed, reached } from "./dispatch/attempts.ts";
import { onBackendDrain, onBackendRecord, type SessionSocket } from "./serve/relay/relay.ts";
import type { Session } from "./session.ts";
import { classifyConnectError, classifyTlsError } from "./upstream/failure.ts";

/*
 * What the sockets of a session report, and what becomes of it. One set of functions serves all sessions; each finds
 * its session through its socket, and looks at the phase first, because events come late and in any order.
 */

export function attachClient(client: SessionSocket): void {
  client.on("error", onClientError);
  client.on("end", onClientEnd);
  client.on("close", onClientClose);
}

export function detachClient(client: SessionSocket): void {
  client.removeListener("error", onClientError);
  client.removeListener("end", onClientEnd);
  client.removeListener("close", onClientClose);
}

export function attachTls(client: SessionSocket): void {
  // Once: a client that asks to renegotiate is refused, and Node says "secure" again all the same.
  client.once("secure", onSecure);
  // The only name under which Node reports what breaks TLS after the handshake (a forged record, say) on a socket that
  // no tls.Server made; `tls-truth.test.ts` holds it in place.
  client.on("_tlsError", onTlsError);
}

/** Makes a socket the session's upstream, which tells when it is connected, or why it can't be. */
export function attachUpstream(
  session: Session,
  socket: Socket,
  connected: "connect" | "secureConnect",
): void {
  const upstream = socket as SessionSocket;
  session.upstream = upstream;
  upstream.session = session;
  upstream.on("error", onUpstreamError);
  upstream.on(connected, onUpstreamConnect);
}

/** Has a connected upstream tell how it goes on. @param secure it is TLS, which `dial` does not read. */
export function relayUpstream(upstream: SessionSocket, secure: boolean): void {
  upstream.on("end", onUpstreamEnd);
  upstream.on("close", onUpstreamClose);
  upstream.on("drain", onBackendDrain);
  if (secure) upstream.on("data", onBackendRecord);
}

function onSecure(this: SessionSocket): void {
  (this.session as Session).secured();
}

function onClientError(this: SessionSocket, error: NodeJS.ErrnoException): void {
  const session = this.session as Session;
  if (session.phase === "header") session.notIntroduced(error.message);
  else if (session.phase === "hello" || session.phase === "handshake")
    session.handshakeFailed(classifyHandshakeError(error), describeTlsError(error), lastWordsAfter(error));
  else if (session.phase === "queue" || session.phase === "connect") session.end("client_gone");
  else if (session.bothEnded) session.endedInOrder();
  else session.end(error.code?.startsWith("ERR_SSL") ? "client_tls_error" : "client_reset");
}

/** During the handshake `error` follows with the same error. */
function onTlsError(this: SessionSocket, error: NodeJS.ErrnoException): void {
  if ((this.session as Session).phase !== "handshake") onClientError.call(this, error);
}

function onClientEnd(this: SessionSocket): void {
  const session = this.session as Session;
  if (session.phase === "header") session.notIntroduced("the connection ended before the PROXY header did");
  else if (session.phase === "handshake" || session.phase === "hello")
    session.handshakeFailed("client_gone", "");
  // Bytes that wait to be relayed come before the end: who ends here has said nothing, and wants no place any more.
  else if (session.phase === "queue") session.end("client_gone");
  else if (session.phase !== "ended") session.sideEnded("client");
}

function onClientClose(this: SessionSocket): void {
  const session = this.session as Session;
  if (session.phase === "header") session.notIntroduced("the connection ended before the PROXY header did");
  else if (session.phase === "handshake" || session.phase === "hello")
    session.handshakeFailed("client_gone", "");
  else if (session.phase === "queue" || session.phase === "connect") session.end("client_gone");
  else if (!session.bothEnded) session.end("client_reset");
  else if (session.upstream!.closed) session.endedInOrder();
}

function onUpstreamConnect(this: SessionSocket): void {
  const session = this.session as Session;
  if (session.upstream === this && session.phase === "connect") reached(session);
}

function onUpstreamError(this: SessionSocket, error: NodeJS.ErrnoException): void {
  const session = this.session as Session;
  // An attempt that was given up may still report how it ended.
  if (session.upstream !== this || session.phase === "ended" || session.phase === "queue") return;
  if (session.phase === "connect") {
    const classify = session.securing ? classifyTlsError : classifyConnectError;
    connectFailed(session, classify(error), error.code ?? error.message);
  } else if (error.code?.startsWith("ERR_SSL") && !session.backendEnded) session.backendBroke(error);
  else session.backendReset();
}

function onUpstreamEnd(this: SessionSocket): void {
  const session = this.session as Session;
  if (session.phase === "relay") session.sideEnded("backend");
}

function onUpstreamClose(this: SessionSocket): void {
  const session = this.session as Session;
  if (session.phase !== "relay") return;
  if (!session.bothEnded) session.backendReset();
  else if (session.client.closed) session.endedInOrder();
}
