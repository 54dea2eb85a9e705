import type { X509Certificate } from "node:crypto";
import { subjectOf } from "./subject.ts";

const day = 24 * 60 * 60 * 1000;
/** From here on a certificate's end is warned of, in milliseconds before it. */
export const soon: number = 30 * day;

/** The peers that a certificate is shown to. */
export type Peers = "clients" | "backends";

/** Extended key usages (RFC 5280 section 4.2.1.12): what a certificate must be meant for, and how that is said. */
const usages = {
  clients: { oid: "1.3.6.1.5.5.7.3.1", text: "servers" },
  backends: { oid: "1.3.6.1.5.5.7.3.2", text: "clients" },
} as const;
const anyUsage = "2.5.29.37.0";

/** The curves of TLS 1.3's ECDSA signatures (RFC 8446 section 4.2.3), as OpenSSL names them. */
const signingCurves = ["prime256v1", "secp384r1", "secp521r1"];

/** The extension "TLS feature" (RFC 7633 section 4): its object identifier, and the feature status_request (5), in DER. */
const tlsFeature = Buffer.from("06082b06010505070118", "hex");
const statusRequest = Buffer.from("020105", "hex");
/** Both are within this many bytes. */
const featureLength = 32;

/** Failures to expect at peers, and when, although umay can serve the chain. @param chain leaf first. @param now in milliseconds since 1970. */
export function* chainWarnings(
  chain: readonly X509Certificate[],
  peers: Peers,
  now: number,
): Generator<string> {
  for (const [index, certificate] of chain.entries()) {
    const which =
      chain.length === 1 ? "the certificate" : `certificate number ${index + 1} (${subjectOf(certificate)})`;
    for (const warning of validityWarnings(certificate, peers, now)) yield `${which} ${warning}`;
    if (index === 0) for (const warning of leafWarnings(certificate, peers)) yield `${which} ${warning}`;
    const issuer = chain[index + 1];
    if (issuer !== undefined && !certificate.checkIssued(issuer))
      yield `${which} was not issued by the next one in the file (${subjectOf(issuer)}); ${peers} may not find a way to their root, put each issuer behind what it issued`;
  }
}

function* validityWarnings(
  { validFromDate, validToDate }: X509Certificate,
  peers: Peers,
  now: number,
): Generator<string> {
  const left = validToDate.getTime() - now;
  if (left <= 0) yield `expired on ${validToDate.toISOString()}; ${peers} will refuse it, renew it`;
  else if (left < soon)
    yield `expires on ${validToDate.toISOString()}, in ${Math.floor(left / day)} days; renew it`;
  if (validFromDate.getTime() > now)
    yield `is not valid before ${validFromDate.toISOString()}; ${peers} will refuse it until then, check this machine's clock`;
}

function* leafWarnings(leaf: X509Certificate, peers: Peers): Generator<string> {
  // Node's name for the extended key usage.
  const { keyUsage } = leaf as { readonly keyUsage?: readonly string[] };
  const { oid, text } = usages[peers];
  if (keyUsage !== undefined && !keyUsage.includes(oid) && !keyUsage.includes(anyUsage))
    yield `is not meant for ${text} (extended key usage); ${peers} will refuse it, get one that is`;
  const curve = leaf.publicKey.asymmetricKeyDetails?.namedCurve;
  if (curve !== undefined && !signingCurves.includes(curve))
    yield `has a key on the curve ${curve}, and TLS 1.3 has signatures on P-256, P-384 and P-521 only; most ${peers} will refuse the handshake`;
  if (peers === "clients" && mustStaple(leaf))
    yield "asks for a stapled OCSP answer (must-staple), which umay does not give; some clients will refuse it, get one without";
}

function mustStaple({ raw }: X509Certificate): boolean {
  const at = raw.indexOf(tlsFeature);
  return at !== -1 && raw.subarray(at + tlsFeature.length, at + featureLength).includes(statusRequest);
}
