import type { EndReason } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import { forLastWords } from "../../../sockets/linger.ts";
import type { OwnedSocket } from "../../../sockets/owner.ts";

/**
 * The orderly end of a client's connection. If it was closed while the client still sends, the system would reset it, and
 * the client might lose the answer (RFC 9112 section 9.6). So what comes is read and dropped for a while.
 */
export class LastWords {
  readonly #client: OwnedSocket;
  #dropped = 0;
  /** Since when the system has all that was written; by {@link clock}. */
  #written: number | undefined = undefined;
  #begun = clock.now;
  #clientEnded = false;

  constructor(client: OwnedSocket) {
    this.#client = client;
    this.#clientEnded = client.readableEnded;
    client.end();
    if (client.isPaused()) client.resume();
  }

  get reason(): EndReason {
    return this.#clientEnded ? "client_closed" : "last_answer";
  }

  drop(bytes: number): void {
    this.#dropped += bytes;
    // A client that does not take its answer either.
    if (this.#dropped > forLastWords.bytes && !this.#client.writableFinished) this.#client.pause();
  }

  clientEnded(): void {
    this.#clientEnded = true;
  }

  /** It takes what was written, however slowly. @param now by {@link clock}. */
  clientTakes(now: number): void {
    this.#begun = now;
  }

  /** @param idle how long the client may take no byte, in milliseconds. @returns whether it is to be cut. */
  isOverdue(now: number, idle: number): boolean {
    if (!this.#client.writableFinished) return now - this.#begun > idle;
    if (this.#written === undefined && this.#client.isPaused()) this.#client.resume();
    this.#written ??= clock.now;
    // Not a reset: the system still delivers what it has.
    if (now - this.#written > forLastWords.quiet) this.#client.destroy();
    return false;
  }
}
