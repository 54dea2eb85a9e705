import type { EndReason } from "../../../../model/reasons.ts";
import { Progress } from "../../../sockets/progress.ts";
import { TlsOverhead } from "../../../sockets/tls-overhead.ts";
import type { HttpConnection } from "../client.ts";

/**
 * Watches what no event tells of a client's connection, for a caller that looks from time to time: bytes that it does not
 * take, and TLS that carries no data.
 */
export class ClientWatch {
  /** At the last look bytes waited for the client, and it had taken some since the look before. */
  takes = false;
  readonly #connection: HttpConnection;
  #progress: Progress | undefined = undefined;
  #overhead: TlsOverhead | undefined = undefined;

  constructor(connection: HttpConnection) {
    this.#connection = connection;
  }

  /**
   * @param now by performance.now(). @param longest for which it may take nothing, in milliseconds.
   * @returns why the connection is to end; undefined: it is not.
   */
  look(now: number, longest: number): EndReason | undefined {
    const { client, raw, tls } = this.#connection;
    this.takes = false;
    if (tls !== undefined) {
      this.#overhead ??= new TlsOverhead(raw, client);
      if (this.#overhead.exceeded(raw, client)) return "client_tls_flood";
    }
    if (client.writableLength === 0) return undefined;
    this.#progress ??= new Progress();
    const stalled = this.#progress.stalled(client, now);
    this.takes = stalled === 0;
    return stalled > longest ? "client_stalled" : undefined;
  }
}
