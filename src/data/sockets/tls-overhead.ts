import type { Socket } from "node:net";

/** Bytes under TLS that carried no data, of which a session may be sent as many as this before some data comes. */
const most = 65_536;

/** The most bytes that a byte of data takes under TLS: a record of its own, without padding. */
const recordOfOneByte = 32;

/**
 * Watches for a peer that keeps TLS busy with bytes that are no data: key updates, tickets, alerts, empty records. Each
 * costs CPU time, and an answer to a peer that does not read it stays in memory. For a caller that looks from time to
 * time.
 */
export class TlsOverhead {
  #raw: number;
  #data: number;
  #excess = 0;

  /** Counts from here on. @param raw the socket under TLS. @param tls the `TLSSocket` on top. */
  constructor(raw: Pick<Socket, "bytesRead">, tls: Pick<Socket, "bytesRead">) {
    this.#raw = raw.bytesRead;
    this.#data = tls.bytesRead;
  }

  /** Whether too much has come that was no data. */
  exceeded(raw: Pick<Socket, "bytesRead">, tls: Pick<Socket, "bytesRead">): boolean {
    const came = raw.bytesRead;
    if (came === this.#raw) return false;
    const data = tls.bytesRead;
    const excess = came - this.#raw - (data - this.#data) * recordOfOneByte;
    this.#excess = Math.max(0, this.#excess + excess);
    this.#raw = came;
    this.#data = data;
    return this.#excess > most;
  }
}
