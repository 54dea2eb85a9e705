import type { Socket } from "node:net";

/** Watches whether a socket's peer takes the bytes that wait for it, for a caller that looks from time to time. */
export class Progress {
  /** Bytes that had gone at the last look at which some waited. */
  #gone = -1;
  #since = 0;

  /**
   * @param now in milliseconds.
   * @returns for how long bytes have waited of which none moved, in milliseconds: up to the time between two looks less
   *   than it was. 0: none waits.
   */
  stalled(socket: Pick<Socket, "writableLength" | "bytesWritten">, now: number): number {
    const waiting = socket.writableLength;
    if (waiting === 0) return 0;
    const gone = socket.bytesWritten - waiting;
    if (gone !== this.#gone) {
      this.#gone = gone;
      this.#since = now;
    }
    return now - this.#since;
  }
}
