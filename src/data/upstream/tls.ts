import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Backend } from "../../model/backend.ts";
import type { PoolTls } from "../../model/pool.ts";
import { beginTls, createBackendContext } from "../../tls/backend.ts";
import { tcpOptions } from "../sockets/options.ts";
import type { UpstreamTls } from "./upstream.ts";

/** Most sessions kept for resumption by one pool in one worker; each takes a few kilobytes. */
const mostSessions = 1_024;

/**
 * How a pool speaks TLS to its backends. Built when the pool's settings change, never per connection; with it go the
 * sessions that were verified by the settings before.
 */
export class BackendTls {
  readonly asks: boolean;
  readonly #tls: PoolTls;
  readonly #context: SecureContext;
  /** The newest session of each backend, by address, for resumption (RFC 8446 section 2.2, RFC 5077). */
  readonly #sessions = new Map<string, Buffer>();

  /** @throws where OpenSSL refuses a certificate. */
  constructor(tls: PoolTls) {
    this.#tls = tls;
    this.asks = tls.starttls !== undefined;
    this.#context = createBackendContext(tls, undefined);
  }

  /** The same with other application protocols (ALPN), in order of preference. */
  offering(protocols: readonly string[]): UpstreamTls {
    return { asks: this.asks, begin: (raw, backend) => this.begin(raw, backend, protocols) };
  }

  /**
   * Begins the handshake on a connection. The connection is not made by TLS itself, because it alone can be reset
   * later.
   * A backend's FIN without a close_notify before it looks like an orderly end: Node does not tell them apart, so a
   * stream that was cut short by an attacker in between ends at the client as if it were complete.
   * @param raw connected. @param protocols that are offered (ALPN).
   * @returns a socket that emits `secureConnect` once the backend is verified, or `error`.
   */
  begin(raw: Socket, backend: Backend, protocols = this.#tls.alpn): TLSSocket {
    const { address } = backend;
    const socket = beginTls(this.#tls, backend, {
      socket: raw,
      allowHalfOpen: true,
      highWaterMark: tcpOptions.highWaterMark,
      context: this.#context,
      protocols,
      session: this.#sessions.get(address),
    });
    socket.on("session", (next) => this.#keep(address, next));
    return socket;
  }

  #keep(address: string, session: Buffer): void {
    this.#sessions.delete(address);
    this.#sessions.set(address, session);
    if (this.#sessions.size > mostSessions) this.#sessions.delete(this.#sessions.keys().next().value!);
  }
}
