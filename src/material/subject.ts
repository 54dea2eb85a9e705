import type { X509Certificate } from "node:crypto";
import { canonicalName } from "../lib/host-name.ts";
import { formatIp, parseIp } from "../lib/proxy-protocol/ip.ts";
import { alternativeNames } from "../tls/peer-certificate.ts";

/** The subject in one line. Some issuers leave the subject empty; then the names. */
export function subjectOf(certificate: X509Certificate): string {
  const subject = (certificate.subject ?? "").split("\n").join(", ");
  return subject || namesOf(certificate).join(", ") || `serial ${certificate.serialNumber}`;
}

/**
 * The DNS names of the subject alternative names or, where there are none, the common name (RFC 6125 section 6.4.4);
 * canonical.
 */
export function namesOf(certificate: X509Certificate): string[] {
  const alternatives = (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((name) => name.startsWith("DNS:"));
  if (alternatives.length > 0) return alternatives.map((name) => canonicalName(name.slice("DNS:".length)));
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? "")?.[1];
  return common === undefined || certificate.subjectAltName !== undefined ? [] : [canonicalName(common)];
}

/** The IP addresses of the subject alternative names, as Node writes those of sockets; IPv4-mapped ones as IPv4. */
export function addressesOf(certificate: X509Certificate): string[] {
  return alternativeNames(certificate, "IP Address").flatMap((text) => {
    const bytes = parseIp(text);
    return bytes === undefined ? [] : [formatIp(bytes)];
  });
}
