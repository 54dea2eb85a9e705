import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import type { ClientAuth } from "../../model/client-auth.ts";
import type { ListenerTls } from "../../model/listener.ts";
import { createListenerContext, type ListenerIdentity } from "../../tls/listener.ts";
import { type CertificateChoice, CertificateStore } from "./certificates.ts";
import { type ClientVerdict, judgeClient } from "./client-auth.ts";

/** How a listener terminates TLS. Built once per snapshot, never per connection. */
export class Termination {
  readonly #store: CertificateStore;
  readonly #options: TLSSocketOptions;
  readonly #clientAuth: ClientAuth | undefined;

  /** @throws where OpenSSL refuses a certificate, a cipher or a group. */
  constructor(listener: ListenerIdentity, tls: ListenerTls) {
    const { name, ticketKeys } = listener;
    this.#store = new CertificateStore(tls.certificates, (group) =>
      createListenerContext(tls, group, { name, ticketKeys }),
    );
    this.#clientAuth = tls.clientAuth;
    this.#options = {
      isServer: true,
      ...(tls.clientAuth !== undefined && {
        requestCert: true,
        rejectUnauthorized: tls.clientAuth.mode === "require",
      }),
      ...(tls.alpn.length > 0 && { ALPNProtocols: [...tls.alpn] }),
    };
  }

  /**
   * Whether the hello must be read before the handshake, because its server name chooses the certificate. An
   * `SNICallback` would come later, but of a context with an ECDSA and an RSA certificate Node then uses one only.
   */
  get needsServerName(): boolean {
    return !this.#store.single;
  }

  /** Begins the handshake on an accepted connection. @param serverName lower case; empty where it is not known. */
  begin(raw: Socket, serverName: string): TLSSocket {
    return new TLSSocket(raw, { ...this.#options, secureContext: this.#store.find(serverName) });
  }

  /** Whether a client whose handshake is over may come in. */
  judge(client: TLSSocket): ClientVerdict {
    return this.#clientAuth === undefined ? anyone : judgeClient(client, this.#clientAuth);
  }

  /** The certificates that {@link begin} chooses for this name. @param serverName lower case. */
  choice(serverName: string): CertificateChoice {
    return this.#store.choice(serverName);
  }

  /** Whether a certificate covers this name, not only as the default. @param serverName lower case. */
  covers(serverName: string): boolean {
    return this.#store.covers(serverName);
  }
}

const anyone: ClientVerdict = { client: "", refusal: undefined };
