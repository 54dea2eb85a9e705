import type { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import type { Certificate } from "../../../model/listener.ts";
import { loadPem, readChain, readKey } from "./pem.ts";

const day = 24 * 60 * 60 * 1000;
/** From here on a certificate's end is warned of, in milliseconds before it. */
export const soon: number = 30 * day;

/** Who a certificate is shown to. */
type Peers = "clients" | "backends";

/**
 * Reads a certificate with its key and checks that they can serve.
 * @returns undefined after an error.
 */
export async function loadCertificate(
  settings: { readonly cert: string; readonly key: string },
  path: Path,
  directory: string,
  report: (finding: Finding) => void,
  peers: Peers = "clients",
): Promise<Certificate | undefined> {
  const certFile = resolve(directory, settings.cert);
  const keyFile = resolve(directory, settings.key);
  const [cert, key] = await Promise.all([loadPem(certFile), loadPem(keyFile)]);
  const chain = "value" in cert ? readChain(cert.value) : cert;
  const privateKey = "value" in key ? readKey(key.value) : key;
  if ("problem" in chain) report(errorAt([...path, "cert"], `${certFile} ${chain.problem}`));
  if ("problem" in privateKey) report(errorAt([...path, "key"], `${keyFile} ${privateKey.problem}`));
  if ("value" in chain)
    for (const message of chainWarnings(chain.value, peers, Date.now()))
      report(warningAt([...path, "cert"], `${certFile}: ${message}`));
  if (!("value" in chain && "value" in privateKey && "value" in cert && "value" in key)) return undefined;

  const leaf = chain.value[0]!;
  if (!leaf.checkPrivateKey(privateKey.value)) {
    const owner = chain.value.findIndex((other) => other.checkPrivateKey(privateKey.value));
    const advice =
      owner === -1
        ? "name the key that the certificate was made for"
        : `the key belongs to certificate number ${owner + 1} of the file, which must come first`;
    report(
      errorAt([...path, "key"], `${keyFile} does not match ${certFile} (${subjectOf(leaf)}); ${advice}`),
    );
    return undefined;
  }
  return {
    certFile,
    keyFile,
    cert: cert.value,
    key: key.value,
    subject: subjectOf(leaf),
    keyType: leaf.publicKey.asymmetricKeyType!,
    names: namesOf(leaf),
    notAfter: leaf.validToDate.getTime(),
  };
}

/** What will fail at peers, and when, although umay can serve it. */
function* chainWarnings(chain: readonly X509Certificate[], peers: Peers, now: number): Generator<string> {
  for (const [index, certificate] of chain.entries()) {
    const which =
      chain.length === 1 ? "the certificate" : `certificate number ${index + 1} (${subjectOf(certificate)})`;
    const { validFromDate, validToDate } = certificate;
    const left = validToDate.getTime() - now;
    if (left <= 0)
      yield `${which} expired on ${validToDate.toISOString()}; ${peers} will refuse it, renew it`;
    else if (left < soon)
      yield `${which} expires on ${validToDate.toISOString()}, in ${Math.floor(left / day)} days; renew it`;
    if (validFromDate.getTime() > now)
      yield `${which} is not valid before ${validFromDate.toISOString()}; ${peers} will refuse it until then, check this machine's clock`;
    const issuer = chain[index + 1];
    if (issuer !== undefined && !certificate.checkIssued(issuer))
      yield `${which} was not issued by the next one in the file (${subjectOf(issuer)}); ${peers} may not find a way to their root, put each issuer behind what it issued`;
  }
}

/** The subject in one line; one that is empty, as some issuers' are, is told by its names. */
export function subjectOf(certificate: X509Certificate): string {
  const subject = (certificate.subject ?? "").split("\n").join(", ");
  return subject || namesOf(certificate).join(", ") || `serial ${certificate.serialNumber}`;
}

/** The DNS names of the subject alternative names or, where there are none, the common name (RFC 6125 section 6.4.4). */
function namesOf(certificate: X509Certificate): string[] {
  const alternatives = (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((name) => name.startsWith("DNS:"));
  if (alternatives.length > 0) return alternatives.map((name) => name.slice("DNS:".length).toLowerCase());
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? "")?.[1];
  return common === undefined || certificate.subjectAltName !== undefined ? [] : [common.toLowerCase()];
}
