import { constants, createHash } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import type { ClientAuth } from "../../model/client-auth.ts";
import type { Certificate, ListenerTls } from "../../model/listener.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { type CertificateChoice, CertificateStore } from "./certificates.ts";
import { type ClientVerdict, judgeClient } from "./client-auth.ts";

/** How a listener terminates TLS. Built once per snapshot, never per connection. */
export class Termination {
  readonly #store: CertificateStore;
  readonly #options: TLSSocketOptions;
  readonly #clientAuth: ClientAuth | undefined;

  /** @throws where OpenSSL refuses a certificate, a cipher or a group. */
  constructor(listener: PlacedListener, tls: ListenerTls) {
    this.#store = new CertificateStore(tls.certificates, (group) => createContext(listener, tls, group));
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

  /** What {@link begin} chooses for this name. @param serverName lower case. */
  choice(serverName: string): CertificateChoice {
    return this.#store.choice(serverName);
  }

  /** Whether a certificate covers this name, not only as the default. @param serverName lower case. */
  covers(serverName: string): boolean {
    return this.#store.covers(serverName);
  }
}

const anyone: ClientVerdict = { client: "", refusal: undefined };

function createContext(
  listener: PlacedListener,
  tls: ListenerTls,
  certificates: readonly Certificate[],
): SecureContext {
  const { clientAuth } = tls;
  return createSecureContext({
    cert: certificates.map((certificate) => certificate.cert),
    key: certificates.map((certificate) => certificate.key),
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ciphers: tls.ciphers,
    ecdhCurve: tls.groups.join(":"),
    honorCipherOrder: true,
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION |
      // Clients without AES instructions list ChaCha20 first: give it to them (RFC 8446 leaves the choice to us).
      constants.SSL_OP_PRIORITIZE_CHACHA |
      (tls.sessionTickets !== undefined ? 0 : constants.SSL_OP_NO_TICKET),
    ...(clientAuth !== undefined && { ca: clientAuth.ca }),
    ...(clientAuth !== undefined && clientAuth.crls.length > 0 && { crl: [...clientAuth.crls] }),
    sessionIdContext: sessionIdContext(listener.name, clientAuth),
    ...(listener.ticketKeys !== undefined && { ticketKeys: Buffer.from(listener.ticketKeys) }),
  });
}

/**
 * A ticket is accepted by every worker, by no other listener, and by the same one only as long as it would verify the
 * client in the same way: who resumes a session is not verified again.
 */
function sessionIdContext(listener: string, clientAuth: ClientAuth | undefined): string {
  const policy = clientAuth && [clientAuth.mode, clientAuth.ca, clientAuth.crls, clientAuth.allow];
  return createHash("sha256")
    .update(JSON.stringify([listener, policy]))
    .digest("base64url")
    .slice(0, 32);
}
