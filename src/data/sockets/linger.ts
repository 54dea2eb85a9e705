import { type OwnedSocket, SocketOwner } from "./owner.ts";
import { resetSocket } from "./reset.ts";

/** How long a socket lingers at most, in milliseconds. */
const longest = 1_000;
/** Most sockets of a worker that linger at a time; others are reset at once. */
const mostLingering = 1_000;

let lingering = 0;

/** Whether one more may linger. */
export const mayLinger = (): boolean => lingering < mostLingering;

/** When a socket has lingered for long enough. */
export interface Patience {
  /** Bytes of the peer that are dropped at most. */
  readonly bytes: number;
  /** The peer has sent nothing for this long, in milliseconds: it is not about to read what it was sent. */
  readonly quiet: number;
}

/**
 * For a peer that is told why it ends: it may send for some time before it reads. A second is for the way there and back,
 * and 64 KiB for what was on its way.
 */
export const forLastWords: Patience = { bytes: 65_536, quiet: longest };

/**
 * For a peer that is to get what came for it before it is reset, and that may be amid sending, of which nothing is wanted any
 * more: it pauses for a round trip at most.
 */
export const forLastBytes: Patience = { bytes: 16 * 2 ** 20, quiet: 20 };

/**
 * Resets a socket when its peer has had time to read what was written last: a reset that meets bytes which come in makes
 * the peer's system forget those that it has not read. Bytes that still come are dropped, for a second at most.
 * @param written the socket that bytes were written to: `raw`, or the `TLSSocket` on top of it.
 */
export function lingerThenReset(
  raw: OwnedSocket,
  transport: "tcp" | "unix",
  written: OwnedSocket,
  patience: Patience,
): void {
  if (!mayLinger() || raw.destroyed || written.destroyed) resetSocket(raw, transport, written);
  else new Lingering(raw, transport, written, patience);
}

class Lingering extends SocketOwner {
  readonly #raw: OwnedSocket;
  readonly #transport: "tcp" | "unix";
  readonly #written: OwnedSocket;
  readonly #patience: Patience;
  readonly #until: number;
  readonly #timer: NodeJS.Timeout;
  #dropped = 0;
  #droppedBefore = 0;
  /** All that was written was the system's at the last look. */
  #wasWritten: boolean;
  #over = false;

  constructor(raw: OwnedSocket, transport: "tcp" | "unix", written: OwnedSocket, patience: Patience) {
    super();
    this.#raw = raw;
    this.#transport = transport;
    this.#written = written;
    this.#patience = patience;
    this.#wasWritten = written.writableLength === 0;
    this.#until = performance.now() + longest;
    this.#timer = setInterval(() => this.#look(), patience.quiet);
    lingering++;
    written.owner = this;
    written.resume();
  }

  override clientBytes(length: number): void {
    this.#drop(length);
  }

  override upstreamBytes(length: number): boolean {
    this.#drop(length);
    return true;
  }

  override clientEnded(): void {
    this.#reset();
  }

  override clientFailed(): void {
    this.#reset();
  }

  override clientClosed(): void {
    this.#reset();
  }

  override clientWriteFailed(): void {
    this.#reset();
  }

  override upstreamEnded(): void {
    this.#reset();
  }

  override upstreamFailed(): void {
    this.#reset();
  }

  override upstreamClosed(): void {
    this.#reset();
  }

  override upstreamWriteFailed(): void {
    this.#reset();
  }

  #drop(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped > this.#patience.bytes) this.#reset();
  }

  #look(): void {
    const isQuiet = this.#dropped === this.#droppedBefore && this.#wasWritten;
    if (isQuiet || performance.now() >= this.#until) this.#reset();
    this.#droppedBefore = this.#dropped;
    this.#wasWritten = this.#written.writableLength === 0;
  }

  #reset(): void {
    if (this.#over) return;
    this.#over = true;
    lingering--;
    clearInterval(this.#timer);
    resetSocket(this.#raw, this.#transport, this.#written);
  }
}
