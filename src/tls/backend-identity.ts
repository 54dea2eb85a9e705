import type { X509Certificate } from "node:crypto";
import { checkServerIdentity, type DetailedPeerCertificate } from "node:tls";
import type { BackendName, PoolTls } from "../model/pool.ts";
import { alternativeNames, pinOf, uriMatches } from "./peer-certificate.ts";

/** The part of a pool's TLS that says who a backend may be. */
export type IdentityRules = Pick<PoolTls, "verify" | "names" | "pins">;

/**
 * Looks whether a backend is who it has to be. The signer of its certificate is not looked at here.
 * @param name that it has to have where the rules have no names. @param leaf its certificate.
 * @returns undefined where it is; else an error, whose `code` says what is wrong.
 */
export function identityError(
  { verify, names, pins }: IdentityRules,
  name: string,
  leaf: X509Certificate | undefined,
): Error | undefined {
  if (pins !== undefined && (leaf === undefined || !pins.includes(pinOf(leaf))))
    return failure("ERR_TLS_CERT_PIN", `a key that is not pinned: ${leaf && pinOf(leaf)}`);
  if (!verify) return undefined;
  if (names === undefined) return checkServerIdentity(name, comparable(leaf));
  if (leaf !== undefined && names.some((wanted) => hasName(leaf, wanted))) return undefined;
  const alternatives = (leaf?.subjectAltName ?? "no names").slice(0, mostTold);
  return failure("ERR_TLS_CERT_ALTNAME_INVALID", `none of the names that are verified: ${alternatives}`);
}

/** Of a backend's names, in characters. */
const mostTold = 256;

const failure = (code: string, has: string): Error =>
  Object.assign(new Error(`the backend's certificate has ${has}`), { code });

function hasName(leaf: X509Certificate, wanted: BackendName): boolean {
  if (wanted.kind === "host") return checkServerIdentity(wanted.host, comparable(leaf)) === undefined;
  const uris = alternativeNames(leaf, "URI");
  // An X.509-SVID has exactly one URI (SPIFFE X.509-SVID standard, section 2).
  if (wanted.uri.startsWith("spiffe://") && uris.length !== 1) return false;
  return uris.some((uri) => uriMatches(wanted.uri, uri));
}

/**
 * The part of a certificate that `tls.checkServerIdentity` looks at. Node asks a socket for its peer's whole chain as plain
 * objects before it compares names, and making one of a certificate whose key is on a curve that NIST has no name for,
 * such as brainpool, ends the process with a segmentation fault.
 */
export function comparable(leaf: X509Certificate | undefined): DetailedPeerCertificate {
  const names = [...(leaf?.subject ?? "").matchAll(/^CN=(.*)$/gm)].map((match) => match[1]!);
  return {
    subject: { CN: names },
    subjectaltname: leaf?.subjectAltName,
  } as unknown as DetailedPeerCertificate;
}
