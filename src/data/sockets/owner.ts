import type { Socket } from "node:net";

/**
 * Whoever is told what a socket reports; see `events.ts`. Reports come late and in any order: an owner ignores what it
 * does not override. A client's socket and a backend's have methods of their own, because a relay owns one of each.
 */
export class SocketOwner {
  /** The TLS handshake with the client is over. */
  clientSecured(): void {}

  /** Bytes in memory of their own: for owners that keep some. */
  clientData(chunk: Buffer): void {
    this.clientBytes(chunk.length, chunk);
  }

  /**
   * Bytes of a client.
   * @param buffer the one read buffer of the worker, perhaps: what is to be kept longer than this call has to be copied.
   */
  clientBytes(_length: number, _buffer: Uint8Array): void {}

  /** The client has sent its last byte. */
  clientEnded(): void {}

  clientFailed(_error: NodeJS.ErrnoException): void {}

  /** The client takes no more bytes; what it sent before can still be read. @param error see `writes.ts`. */
  clientWriteFailed(_error: NodeJS.ErrnoException): void {}

  /** TLS with the client broke; during the handshake `clientFailed` follows with the same error. */
  clientTlsFailed(error: NodeJS.ErrnoException): void {
    this.clientFailed(error);
  }

  clientDrained(): void {}

  clientClosed(): void {}

  /** TCP with the backend is connected, or TLS on top of it. */
  upstreamConnected(): void {}

  /**
   * Bytes from a backend.
   * @param buffer as in {@link clientBytes}.
   * @returns false to stop reading until `resume()`.
   */
  upstreamBytes(_length: number, _buffer: Uint8Array): boolean {
    return true;
  }

  /** The backend has sent its last byte. */
  upstreamEnded(): void {}

  upstreamFailed(_error: NodeJS.ErrnoException): void {}

  /** The backend takes no more bytes; what it sent before can still be read. @param error see `writes.ts`. */
  upstreamWriteFailed(_error: NodeJS.ErrnoException): void {}

  upstreamDrained(): void {}

  upstreamClosed(): void {}
}

export type OwnedSocket = Socket & { owner: SocketOwner };

/** Owns what was given up: what it still reports concerns nobody. */
export const nobody: SocketOwner = new SocketOwner();

/** Makes somebody the owner of a socket. */
export function own(socket: Socket, owner: SocketOwner): OwnedSocket {
  const owned = socket as OwnedSocket;
  owned.owner = owner;
  return owned;
}
