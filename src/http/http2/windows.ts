import { firstWindow } from "./protocol.ts";

/**
 * The receive window of a stream or of the connection (RFC 9113 section 5.2), and its ledger: each
 * byte that was received is either held or credited, and credited once.
 */
export class ReceiveWindow {
  /** The number of bytes that the peer may send before it is told of more. */
  left: number;
  received = 0;
  credited = 0;
  /** The number of bytes that the peer may send at a time. */
  #size: number;
  /** Credited, and the peer was not told yet. */
  #untold = 0;

  constructor(size: number) {
    this.left = size;
    this.#size = size;
  }

  /** @returns false where it is more than the peer may send. */
  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    this.received += bytes;
    return true;
  }

  /**
   * The bytes are used up, or dropped.
   * @returns what the peer is to be told now, if anything: see {@link ReceiveWindow.due}.
   */
  credit(bytes: number): number {
    this.credited += bytes;
    this.#untold += bytes;
    return this.due();
  }

  /** Changes what the peer may send by what it knows already. @param size from now on. @returns as `credit`. */
  resize(size: number): number {
    this.left += size - this.#size;
    this.#size = size;
    return this.due();
  }

  /** Raises the window beyond what the peer knows of. @returns what it is to be told. */
  widen(size: number): number {
    const more = Math.max(0, size - this.#size);
    this.#size += more;
    this.left += more;
    return more;
  }

  /**
   * @returns what the peer is to be told now. It is told when it has less left than it would get: of a window that
   * is used up as it fills, when half of it is; of one in which much is held, sooner.
   */
  due(): number {
    if (this.#untold < Math.max(1, this.left)) return 0;
    const told = this.#untold;
    this.#untold = 0;
    this.left += told;
    return told;
  }
}

/** The connection's, which SETTINGS do not change (RFC 9113 section 6.9.2). */
export const connectionWindow = (): ReceiveWindow => new ReceiveWindow(firstWindow);
