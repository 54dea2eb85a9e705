import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Backend, PlacedBackend } from "../../model/backend.ts";
import type { ConnectFailure } from "../../model/connect-failures.ts";
import { askForTls } from "../../tls/postgres.ts";
import { attachUpstream } from "../sockets/events.ts";
import { forLastBytes, lingerThenReset } from "../sockets/linger.ts";
import { nobody, type OwnedSocket, own, type SocketOwner } from "../sockets/owner.ts";
import { resetSocket } from "../sockets/reset.ts";
import type { Dial } from "./dial.ts";
import { classifyConnectError, classifyTlsError } from "./failure.ts";
import type { Wiring } from "./wiring.ts";

/** How a pool speaks TLS to its backends. */
export interface UpstreamTls {
  /** Whether the backend has to be asked for TLS first, as PostgreSQL does it. */
  readonly asks?: boolean;
  /** @param raw connected. @returns a socket that emits `secureConnect` once the backend is verified, or `error`. */
  begin(raw: Socket, backend: Backend): Socket;
}

/** One connection to a backend, from the begin of connecting; whoever uses it owns its socket. */
export class Upstream {
  readonly backend: PlacedBackend;
  /** The socket underneath TLS, where there is TLS. */
  readonly raw: OwnedSocket;
  socket: OwnedSocket;
  readonly wiring: Wiring;
  readonly #tls: UpstreamTls | undefined;

  /**
   * Begins to connect.
   * @param owner is told when it is connected. @param shares whether it is for many requests at a time.
   */
  constructor(dial: Dial, backend: PlacedBackend, wiring: Wiring, owner: SocketOwner, shares = false) {
    const tls = shares ? wiring.sharedTls : wiring.tls;
    const raw = dial(backend, tls !== undefined, wiring.definition.connect);
    this.backend = backend;
    this.wiring = wiring;
    this.raw = own(raw, owner);
    this.socket = this.raw;
    this.#tls = tls;
    attachUpstream(this.raw, "connect");
  }

  /** Whether it has come as far as TLS. */
  get securing(): boolean {
    return this.socket !== this.raw;
  }

  /** The application protocol that TLS has agreed on (ALPN, RFC 7301); empty: none. */
  get agreedOn(): string {
    return (this.securing && (this.socket as unknown as TLSSocket).alpnProtocol) || "";
  }

  /** Names why connecting failed. */
  failureOf(error: NodeJS.ErrnoException): ConnectFailure {
    return this.securing ? classifyTlsError(error) : classifyConnectError(error);
  }

  /** How connecting fails that takes too long. */
  get overdueAs(): ConnectFailure {
    return this.securing ? "tls_timeout" : "timeout";
  }

  /** TCP is connected, or TLS on top of it: begins TLS, where that is next. @returns whether it was. */
  secure(): boolean {
    if (this.#tls === undefined || this.securing) return false;
    const tls = this.#tls;
    if (tls.asks)
      askForTls(
        this.raw,
        () => this.#begin(tls),
        (error) => this.raw.owner.upstreamFailed(error),
      );
    else this.#begin(tls);
    return true;
  }

  #begin(tls: UpstreamTls): void {
    this.socket = own(tls.begin(this.raw, this.backend), this.raw.owner);
    this.raw.owner = nobody;
    attachUpstream(this.socket, "secureConnect");
  }

  /** Closes it in order: nothing that came over it is missing. The later reports of its sockets concern nobody. */
  close(): void {
    this.raw.owner = nobody;
    this.socket.owner = nobody;
    this.socket.destroy();
  }

  /**
   * Resets it, unless it is closed already. The later reports of its sockets concern nobody.
   * @param lingers whether the backend is to have time for what it was sent last.
   */
  reset(lingers = false): void {
    const { kind } = this.backend.target;
    this.raw.owner = nobody;
    this.socket.owner = nobody;
    if (lingers) lingerThenReset(this.raw, kind, this.socket, forLastBytes);
    else resetSocket(this.raw, kind, this.socket);
  }
}
