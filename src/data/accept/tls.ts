import type { Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";
import type { ClientAuth } from "../../model/client-auth.ts";
import type { ListenerTls } from "../../model/listener.ts";
import { createListenerContext, type ListenerIdentity } from "../../tls/listener.ts";
import type { NameRefusal } from "../decide/chains.ts";
import { type CertificateChoice, CertificateStore, wildcardOf } from "./certificates.ts";
import { type ClientVerdict, judgeClient } from "./client-auth.ts";
import { alertRecord, expectVerdict } from "./verdict-alert.ts";

/** How a listener terminates TLS. Built once per snapshot, never per connection. */
export class Termination {
  readonly #store: CertificateStore;
  readonly #options: TLSSocketOptions;
  readonly #clientAuth: ClientAuth | undefined;
  readonly #strictSni: boolean;
  /** Names whose certificate umay gets itself, and wildcards. */
  readonly #own: ReadonlySet<string>;

  /** @throws where OpenSSL refuses a certificate, a cipher or a group. */
  constructor(listener: ListenerIdentity, tls: ListenerTls) {
    const { name, ticketKeys } = listener;
    this.#store = new CertificateStore(tls.certificates, (group) =>
      createListenerContext(tls, group, { name, ticketKeys }),
    );
    this.#clientAuth = tls.clientAuth;
    this.#strictSni = tls.strictSni;
    this.#own = new Set(tls.acme?.certificates.flatMap(({ names }) => names));
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

  /** Whether an IP address may choose the certificate of a client that names nobody, in the place of a name. */
  get coversAddresses(): boolean {
    return this.#store.hasAddresses;
  }

  /** Begins the handshake on an accepted connection. @param serverName lower case; empty where it is not known. */
  begin(raw: Socket, serverName: string): TLSSocket {
    const client = new TLSSocket(raw, { ...this.#options, secureContext: this.#store.find(serverName) });
    if (this.#clientAuth !== undefined) expectVerdict(client);
    return client;
  }

  /** Whether a client whose handshake is over may come in. */
  judge(client: TLSSocket): ClientVerdict & { readonly lastWords?: Buffer | undefined } {
    if (this.#clientAuth === undefined) return anyone;
    const verdict = judgeClient(client, this.#clientAuth);
    return { ...verdict, lastWords: alertRecord(client, verdict.refusal?.alert) };
  }

  /** The certificates that {@link begin} chooses for this name. @param serverName lower case. */
  choice(serverName: string): CertificateChoice {
    return this.#store.choice(serverName);
  }

  /** As {@link CertificateStore.coversApart}. */
  coversApart(serverName: string, host: string): boolean {
    return this.#store.coversApart(serverName, host);
  }

  /** Whether some names may be {@link refuses refused}. */
  get refusesNames(): boolean {
    return this.#strictSni || this.#own.size > 0;
  }

  /** Why a client that asks for this name is refused; undefined: it is not. @param serverName lower case. */
  refuses(serverName: string): NameRefusal | undefined {
    if (this.#store.covers(serverName)) return undefined;
    const own = this.#own.has(serverName) || this.#own.has(wildcardOf(serverName));
    if (this.#store.isEmpty || own) return "no_certificate";
    return this.#strictSni ? "unknown_name" : undefined;
  }
}

const anyone: ClientVerdict = { client: "", refusal: undefined };
