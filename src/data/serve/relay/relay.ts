import type { Socket } from "node:net";
import { clock } from "../../clock.ts";

/** A socket with the session that it belongs to, so that one set of functions serves all sessions. */
export type SessionSocket = Socket & { session: RelaySession };

/** What the relay needs of a session. */
export interface RelaySession {
  readonly client: SessionSocket;
  readonly upstream: SessionSocket | undefined;
  /**
   * True where a write to the client may keep a reference to the bytes: a plain TCP socket hands them to the kernel
   * later when it can't at once, while TLS has encrypted them into its own memory by the time `write` returns.
   */
  readonly clientKeepsBytes: boolean;
  /** By {@link clock}: when a byte moved last. */
  lastActive: number;
  countReceived(bytes: number): void;
  countSent(bytes: number): void;
}

/**
 * Bytes from the client: on to the backend. When the backend takes no more, the client is not read until it does.
 */
export function onClientData(this: SessionSocket, chunk: Buffer): void {
  const session = this.session;
  session.lastActive = clock.now;
  session.countReceived(chunk.length);
  const upstream = session.upstream!;
  if (chunk.length === fullRecord && upstream.writableCorked === 0) {
    upstream.cork();
    setImmediate(uncork, upstream);
  }
  if (!upstream.write(chunk)) this.pause();
}

/**
 * A full TLS record seldom comes alone, but Node hands on one after the other: those of one turn of the event loop go
 * out in one system call, which makes an upload a fifth cheaper.
 */
const fullRecord = 16_384;

function uncork(upstream: SessionSocket): void {
  upstream.uncork();
}

/**
 * Bytes from the backend, in the worker's one read buffer: on to the client. They are copied only where the client's
 * socket may keep a reference to them after this function has returned: behind earlier bytes that still wait, or on
 * a plain TCP socket. Getting this wrong corrupts bytes; `relay-integrity.test.ts` holds it in place.
 * @returns false to stop reading until the client has taken what waits.
 */
export function onBackendData(this: Socket, length: number, buffer: Uint8Array): boolean {
  const session = (this as SessionSocket).session;
  const client = session.client;
  session.lastActive = clock.now;
  session.countSent(length);
  const bytes = buffer.subarray(0, length);
  return client.write(session.clientKeepsBytes || client.writableLength > 0 ? Buffer.from(bytes) : bytes);
}

/** Bytes from a backend that speaks TLS, in memory of their own: on to the client, which is waited for if need be. */
export function onBackendRecord(this: SessionSocket, bytes: Buffer): void {
  const session = this.session;
  session.lastActive = clock.now;
  session.countSent(bytes.length);
  if (!session.client.write(bytes)) this.pause();
}

/** The client took what waited: read the backend again. */
export function onClientDrain(this: SessionSocket): void {
  this.session.lastActive = clock.now;
  this.session.upstream?.resume();
}

/** The backend took what waited: read the client again. */
export function onBackendDrain(this: SessionSocket): void {
  this.session.lastActive = clock.now;
  this.session.client.resume();
}
