import { constants, createHash } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import type { Certificate, ListenerTls } from "../../model/listener.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { CertificateStore } from "./certificates.ts";

/** How a listener terminates TLS. Built once per snapshot, never per connection. */
export class Termination {
  readonly #store: CertificateStore;
  readonly #options: TLSSocketOptions;

  /** @throws where OpenSSL refuses a certificate, a cipher or a group. */
  constructor(listener: PlacedListener, tls: ListenerTls) {
    const store = new CertificateStore(tls.certificates, (group) => createContext(listener, tls, group));
    this.#store = store;
    this.#options = {
      isServer: true,
      secureContext: store.default,
      ...(tls.alpn.length > 0 && { ALPNProtocols: [...tls.alpn] }),
      ...(!store.single && {
        SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) =>
          done(null, store.find(name) ?? store.default),
      }),
    };
  }

  /**
   * Whether the server name must be read before the handshake begins: of a context that is chosen later, Node takes
   * over one certificate alone, which leaves out clients that can't verify its kind of key.
   */
  get readsHello(): boolean {
    return this.#store.mixed;
  }

  /** Begins the handshake on an accepted connection. @param serverName where the hello has been read. */
  begin(raw: Socket, serverName: string | undefined): TLSSocket {
    if (serverName === undefined) return new TLSSocket(raw, this.#options);
    const secureContext = this.#store.find(serverName) ?? this.#store.default;
    return new TLSSocket(raw, { ...this.#options, secureContext, SNICallback: undefined });
  }

  /** Whether a certificate covers this name, not only as the default. */
  covers(serverName: string): boolean {
    return this.#store.find(serverName) !== undefined;
  }
}

function createContext(
  listener: PlacedListener,
  tls: ListenerTls,
  certificates: readonly Certificate[],
): SecureContext {
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
      (tls.sessionTickets ? 0 : constants.SSL_OP_NO_TICKET),
    // A ticket is accepted by every worker, and by no other listener.
    sessionIdContext: createHash("sha256").update(listener.name).digest("base64url").slice(0, 32),
    ...(listener.ticketKeys !== undefined && { ticketKeys: Buffer.from(listener.ticketKeys) }),
  });
}
