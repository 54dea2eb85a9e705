import { createCipheriv, createHmac } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** RFC 8446 section 6.2. */
const alerts = {
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  unknown_ca: 48,
  access_denied: 49,
} as const;

/** The alerts that answer a client's certificate. */
export type VerdictAlert = keyof typeof alerts;

/** OpenSSL's alerts for its own errors of verification, by the names that Node has for those. */
const byError: Readonly<Record<string, VerdictAlert>> = {
  CERT_HAS_EXPIRED: "certificate_expired",
  CRL_HAS_EXPIRED: "certificate_expired",
  CERT_NOT_YET_VALID: "bad_certificate",
  CERT_SIGNATURE_FAILURE: "bad_certificate",
  CERT_REVOKED: "certificate_revoked",
  INVALID_PURPOSE: "unsupported_certificate",
  INVALID_CA: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_ca",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown_ca",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown_ca",
  CERT_CHAIN_TOO_LONG: "unknown_ca",
  PATH_LENGTH_EXCEEDED: "unknown_ca",
};

/** @param code of a verification error. */
export const alertFor = (code: string): VerdictAlert => byError[code] ?? "certificate_unknown";

/** Of handshakes in TLS 1.3 that are under way: the secret from which the keys of umay's direction come. */
const secrets = new WeakMap<TLSSocket, Buffer>();

/** Prepares a handshake for {@link alertRecord}. */
export function expectVerdict(tls: TLSSocket): void {
  tls.on("keylog", keepSecret);
}

/** A line of NSS's key log, which browsers and tools share: label, the client's random number, secret. */
function keepSecret(this: TLSSocket, line: Buffer): void {
  const [label, , secret = ""] = line.toString("latin1").trimEnd().split(" ");
  if (label === "SERVER_TRAFFIC_SECRET_0") secrets.set(this, Buffer.from(secret, "hex"));
}

/**
 * A fatal alert as a record, for a client whose handshake has just ended. Nothing may have been sent to it after umay's own
 * Finished in TLS 1.3, or that itself in TLS 1.2: so it is the first record with the new keys, or one without any. See ADR 0053.
 * It must follow {@link expectVerdict}, and forgets what that has kept.
 * @param alert undefined: none is wanted.
 * @returns undefined, too, where there can be none: in TLS 1.2 a resumed session has umay's Finished first.
 */
export function alertRecord(tls: TLSSocket, alert: VerdictAlert | undefined): Buffer | undefined {
  const secret = secrets.get(tls);
  secrets.delete(tls);
  if (alert === undefined) return undefined;
  const content = Buffer.of(2, alerts[alert]);
  if (tls.getProtocol() === "TLSv1.2")
    return tls.isSessionReused() ? undefined : Buffer.concat([Buffer.of(21, 3, 3, 0, 2), content]);
  const cipher = ciphers[tls.getCipher().standardName];
  return secret && cipher && sealed(content, secret, cipher);
}

interface Cipher {
  readonly name: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";
  readonly hash: "sha256" | "sha384";
  /** Bytes of its key. */
  readonly key: number;
}

/** RFC 8446 appendix B.4. */
const ciphers: Readonly<Record<string, Cipher>> = {
  TLS_AES_128_GCM_SHA256: { name: "aes-128-gcm", hash: "sha256", key: 16 },
  TLS_AES_256_GCM_SHA384: { name: "aes-256-gcm", hash: "sha384", key: 32 },
  TLS_CHACHA20_POLY1305_SHA256: { name: "chacha20-poly1305", hash: "sha256", key: 32 },
};
const tagLength = 16;
const nonceLength = 12;

/** The first record under a secret (RFC 8446 sections 5.2 and 5.3): its sequence number, 0, leaves the nonce as it is. */
function sealed(alert: Buffer, secret: Buffer, { name, hash, key }: Cipher): Buffer {
  const head = Buffer.of(23, 3, 3, 0, alert.length + 1 + tagLength);
  const options = { authTagLength: tagLength };
  const [itsKey, nonce] = [expand(hash, secret, "key", key), expand(hash, secret, "iv", nonceLength)];
  // The types know each kind of cipher apart.
  const cipher = createCipheriv(name as "aes-128-gcm", itsKey, nonce, options).setAAD(head);
  return Buffer.concat([
    head,
    cipher.update(alert),
    cipher.update(Buffer.of(21)),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

/** HKDF-Expand-Label without a context, of one block (RFC 8446 section 7.1, RFC 5869 section 2.3). */
function expand(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
