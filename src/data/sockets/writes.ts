import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { borrowBuffer, bufferSize, giveBack } from "./flushes.ts";
import type { OwnedSocket } from "./owner.ts";

type Done = (error?: Error | null) => void;

/** The hooks of `Writable` that `Socket` implements; see ADR 0030. */
const { _write: writeOne, _writev: writeSome } = Socket.prototype as Required<
  Pick<Socket, "_write" | "_writev">
>;

/** In bytes: a copy of so few is made in memory of Node's own pool. */
const few = 4_096;

/** How Node keeps whether a write is under way. */
type Writing = Partial<TLSSocket> & { readonly _writableState?: { readonly writing: boolean } };

/** A borrowed buffer with copies for one socket that are not written yet. */
interface Copies {
  readonly socket: Socket;
  readonly bytes: Buffer;
  /** In bytes, from the buffer's begin. */
  used: number;
  /** How many of them are not written. */
  left: number;
}

/** Those that were begun last: parts that come one after the other share a buffer. */
let newest: Copies | undefined;

/**
 * Writes bytes that are overwritten as soon as this returns: out of the worker's one read buffer, say. They are copied
 * where the socket may keep a reference to them: behind bytes that wait, and without TLS, where the system may not take
 * all of them at once. TLS has encrypted them by then. Getting this wrong corrupts bytes; `relay-integrity.test.ts` holds
 * it in place.
 * @returns false to write no more until `drain`.
 */
export function writeLent(socket: Socket, bytes: Buffer, start: number, end: number): boolean {
  const part = bytes.subarray(start, end);
  const { encrypted, _writableState: state } = socket as Writing;
  // A write of no bytes may be under way, too: what comes behind it waits.
  const waits = state?.writing !== false || socket.writableLength > 0 || socket.writableCorked > 0;
  if (encrypted && !waits) return socket.write(part);
  const copies = part.length > few ? copiesFor(socket, part.length) : undefined;
  if (copies === undefined) return socket.write(Buffer.from(part));
  const from = copies.used;
  copies.used += part.copy(copies.bytes, from);
  copies.left++;
  return socket.write(copies.bytes.subarray(from, copies.used), (error) => partWritten(copies, error));
}

/** @returns undefined where a copy of just its size is better: a socket that is behind would have a buffer for each part. */
function copiesFor(socket: Socket, length: number): Copies | undefined {
  if (newest?.socket === socket && newest.used + length <= bufferSize) return newest;
  if (socket.writableLength > 0 || length > bufferSize) return undefined;
  newest = { socket, bytes: borrowBuffer(), used: 0, left: 0 };
  return newest;
}

/** @param error with which nobody knows whether the system still looks at the buffer. */
function partWritten(copies: Copies, error: Error | null | undefined): void {
  copies.left = error ? Number.POSITIVE_INFINITY : copies.left - 1;
  if (copies.left > 0 && !error) return;
  if (copies === newest) newest = undefined;
  if (copies.left === 0) giveBack(copies.bytes);
}

/** How a socket is written to after {@link outliveWrites}. */
interface Outliving extends OwnedSocket {
  /** Undefined until the first write. */
  onWritten: Done | undefined;
  /** Of the write that is under way. */
  done: Done;
  /** Its peer takes no more. */
  deaf: boolean;
  failed: (this: OwnedSocket, error: NodeJS.ErrnoException) => void;
}

/**
 * Keeps a socket whose peer takes no more bytes: what the peer said before can still be read, where Node would destroy
 * the socket and drop that. Later writes are dropped.
 * @param failed is told, once. `ECONNRESET`: the peer was reset before it had ended. `EPIPE`: it had ended in order, or
 *   another write has met the reset.
 */
export function outliveWrites(socket: OwnedSocket, failed: Outliving["failed"]): void {
  const outliving = socket as Outliving;
  outliving.onWritten = undefined;
  outliving.done = nothing;
  outliving.deaf = false;
  outliving.failed = failed;
  outliving._write = write;
  outliving._writev = writev;
}

function write(this: Outliving, chunk: unknown, encoding: BufferEncoding, done: Done): void {
  if (this.deaf) done();
  else writeOne.call(this, chunk, encoding, begun(this, done));
}

function writev(this: Outliving, chunks: Parameters<typeof writeSome>[0], done: Done): void {
  if (this.deaf) done();
  else writeSome.call(this, chunks, begun(this, done));
}

/** A stream writes one thing at a time, so that one function for each socket will do. */
function begun(socket: Outliving, done: Done): Done {
  socket.done = done;
  socket.onWritten ??= (error) => written(socket, error);
  return socket.onWritten;
}

function written(socket: Outliving, error: NodeJS.ErrnoException | null | undefined): void {
  const { done } = socket;
  if (error?.code !== "ECONNRESET" && error?.code !== "EPIPE") {
    done(error);
    return;
  }
  socket.deaf = true;
  socket.failed(error);
  done();
}

function nothing(): void {}
