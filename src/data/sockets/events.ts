import { beginRead, endRead } from "../../lib/read-time.ts";
import { findReset, mayHideReset } from "./hidden-reset.ts";
import type { OwnedSocket } from "./owner.ts";
import { hasWaiting, shareReads, wait } from "./shared-reads.ts";
import { outliveWrites } from "./writes.ts";

/*
 * One set of functions hears the sockets of all connections; each tells the owner, which it finds through the socket.
 * So nothing is closed over, and nothing is allocated for it.
 */

export function attachClient(client: OwnedSocket): void {
  client.on("error", onClientError);
  client.on("end", onClientEnd);
  client.on("close", onClientClose);
}

export function detachClient(client: OwnedSocket): void {
  client.removeListener("error", onClientError);
  client.removeListener("end", onClientEnd);
  client.removeListener("close", onClientClose);
}

export function attachTls(client: OwnedSocket): void {
  // Once: a client that asks to renegotiate is refused, and Node says "secure" again all the same.
  client.once("secure", onClientSecure);
  // The only name under which Node reports what breaks TLS after the handshake (a forged record, say) on a socket that
  // no tls.Server made; `tls-truth.test.ts` holds it in place.
  client.on("_tlsError", onClientTlsError);
}

/** Reads a client; one that comes paused has to be resumed. */
export function readClient(client: OwnedSocket): void {
  client.on("data", onClientData);
}

/** The same for who keeps nothing of what is read: it comes in the worker's one read buffer, where Node can do that. */
export function readClientBytes(client: OwnedSocket): void {
  readClient(client);
  shareReads(client, onClientBytes);
}

/** Has an owner read a client, as {@link readClientBytes} does, and write to it, from now on. */
export function serveClient(client: OwnedSocket, owner: OwnedSocket["owner"]): void {
  client.owner = owner;
  writeClient(client);
  readClientBytes(client);
  if (client.isPaused()) client.resume();
  if (client.readableEnded) owner.clientEnded();
}

/** Until somebody reads it again. */
export function stopReadingClient(client: OwnedSocket): void {
  client.removeListener("data", onClientData);
  client.pause();
}

/** Another owner is about to read a client, and to write to it. */
export function handOverClient(client: OwnedSocket): void {
  stopReadingClient(client);
  client.removeListener("drain", onClientDrain);
}

/** @param connected what the socket emits then: `secureConnect` where it is TLS. */
export function attachUpstream(upstream: OwnedSocket, connected: "connect" | "secureConnect"): void {
  upstream.on("error", onUpstreamError);
  upstream.on(connected, onUpstreamConnect);
}

/** Tells its owner when a client takes more. */
export function writeClient(client: OwnedSocket): void {
  client.on("drain", onClientDrain);
}

/** From here on bytes move. @param secure the upstream is TLS, which `dial` does not read. */
export function useUpstream(upstream: OwnedSocket, secure: boolean): void {
  upstream.on("end", onUpstreamEnd);
  upstream.on("close", onUpstreamClose);
  upstream.on("drain", onUpstreamDrain);
  if (!secure) return;
  upstream.on("data", onUpstreamData);
  shareReads(upstream, onSecureBytes);
}

/** Goes on reading two sockets where they take no more. */
export function outliveRelayedWrites(client: OwnedSocket, upstream: OwnedSocket): void {
  outliveWrites(client, onClientWriteFailed);
  outliveWrites(upstream, onUpstreamWriteFailed);
}

/** The callback of the buffer that `dial` has a socket read into. */
export function onUpstreamBytes(this: OwnedSocket, length: number, buffer: Uint8Array): boolean {
  beginRead();
  try {
    return this.owner.upstreamBytes(length, buffer);
  } finally {
    endRead();
  }
}

function onClientSecure(this: OwnedSocket): void {
  this.owner.clientSecured();
}

function onClientData(this: OwnedSocket, chunk: Buffer): void {
  this.owner.clientData(chunk);
}

function onClientBytes(this: OwnedSocket, length: number, buffer: Uint8Array): boolean {
  if (hasWaiting(this)) return wait(this, length, buffer);
  beginRead();
  try {
    this.owner.clientBytes(length, buffer);
  } finally {
    endRead();
  }
  return true;
}

function onClientEnd(this: OwnedSocket): void {
  if (!mayHideReset(this)) this.owner.clientEnded();
  else
    findReset(this, (reset) => {
      if (reset === undefined) this.owner.clientEnded();
      else this.owner.clientFailed(reset);
    });
}

function onClientError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.owner.clientFailed(error);
}

function onClientTlsError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.owner.clientTlsFailed(error);
}

function onClientWriteFailed(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.owner.clientWriteFailed(error);
}

function onUpstreamWriteFailed(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.owner.upstreamWriteFailed(error);
}

function onClientDrain(this: OwnedSocket): void {
  this.owner.clientDrained();
}

function onClientClose(this: OwnedSocket): void {
  this.owner.clientClosed();
}

function onUpstreamConnect(this: OwnedSocket): void {
  this.owner.upstreamConnected();
}

function onUpstreamData(this: OwnedSocket, chunk: Buffer): void {
  if (!this.owner.upstreamBytes(chunk.length, chunk)) this.pause();
}

/** Where it is to stop it is paused, too: Node hands on all records of TLS that came in one read. */
function onSecureBytes(this: OwnedSocket, length: number, buffer: Uint8Array): boolean {
  if (hasWaiting(this)) return wait(this, length, buffer);
  if (!onUpstreamBytes.call(this, length, buffer)) this.pause();
  return true;
}

function onUpstreamEnd(this: OwnedSocket): void {
  if (!mayHideReset(this)) this.owner.upstreamEnded();
  else
    findReset(this, (reset) => {
      if (reset === undefined) this.owner.upstreamEnded();
      else this.owner.upstreamFailed(reset);
    });
}

function onUpstreamError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.owner.upstreamFailed(error);
}

function onUpstreamDrain(this: OwnedSocket): void {
  this.owner.upstreamDrained();
}

function onUpstreamClose(this: OwnedSocket): void {
  this.owner.upstreamClosed();
}
