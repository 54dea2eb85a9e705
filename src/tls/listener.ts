import { constants, createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { ListenerTls } from "../model/listener.ts";
import type { Certificate } from "../model/material.ts";
import { trustOptions } from "./trust.ts";

/** The identity of a listener in its contexts, besides its TLS settings. */
export interface ListenerIdentity {
  readonly name: string;
  /** 48 bytes that encrypt session tickets where the settings bring none; undefined: OpenSSL's own. */
  readonly ticketKeys: Uint8Array | undefined;
}

/**
 * The context of a listener with the certificates for one name.
 * @throws where OpenSSL refuses a certificate, a cipher, a group or a CA.
 */
export function createListenerContext(
  tls: ListenerTls,
  certificates: readonly Certificate[],
  { name, ticketKeys }: ListenerIdentity,
): SecureContext {
  const keys = tls.sessionTickets && (tls.sessionTickets.keys?.bytes ?? ticketKeys);
  return createSecureContext({
    ...settingsOf(tls, certificates),
    ...(tls.clientAuth?.ca !== undefined && trustOptions(tls.clientAuth.ca, tls.clientAuth.crl)),
    sessionIdContext: sessionIdContext(name, tls),
    ...(keys !== undefined && { ticketKeys: Buffer.from(keys) }),
  });
}

/**
 * The options that decide whether OpenSSL takes a listener's certificate, to try it before it is served. CAs of clients,
 * which are tried once, and ticket keys do not matter for that.
 */
export function listenerOptions(tls: ListenerTls, certificate: Certificate): SecureContextOptions {
  return settingsOf(tls, [certificate]);
}

function settingsOf(tls: ListenerTls, certificates: readonly Certificate[]): SecureContextOptions {
  return {
    cert: certificates.map(({ cert }) => cert),
    key: certificates.map(({ key }) => key),
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
  };
}

/**
 * A ticket is accepted by every worker for these settings of its listener, and for no others. It is accepted only while the
 * client would be verified in the same way, because a client that resumes a session is not verified again.
 */
function sessionIdContext(listener: string, { name, clientAuth: auth }: ListenerTls): string {
  const policy = auth && [auth.mode, auth.ca?.pem, auth.crl?.pems ?? [], auth.allow];
  return createHash("sha256")
    .update(JSON.stringify([listener, name, policy]))
    .digest("base64url")
    .slice(0, 32);
}
