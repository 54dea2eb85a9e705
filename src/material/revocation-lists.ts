import type { X509Certificate } from "node:crypto";
import { errorAt, type Finding, type Path, warningAt } from "../lib/findings.ts";
import { mebibyte } from "../lib/read-file.ts";
import type { Authorities, FileSource, RevocationLists } from "../model/material.ts";
import { reason } from "../tls/refusal.ts";
import { certificatesOf, loadPem } from "./contents.ts";

/**
 * Reads a file of revocation lists (RFC 5280 section 5), and warns of what would refuse clients that nobody revoked:
 * lists that are out of date, and CAs without one or without their root, because OpenSSL then checks every CA of a chain.
 * @param authorities the trusted CAs.
 * @returns undefined after an error.
 */
export async function loadRevocationLists(
  source: FileSource,
  authorities: Authorities,
  path: Path,
  report: (finding: Finding) => void,
): Promise<RevocationLists | undefined> {
  const { file } = source;
  const loaded = await loadPem(file, 16 * mebibyte, source.given);
  const blocks = "value" in loaded ? loaded.value.filter(({ label }) => label === "X509 CRL") : [];
  if (blocks.length === 0) {
    const problem =
      "problem" in loaded ? loaded.problem : "holds no revocation list (-----BEGIN X509 CRL-----)";
    report(errorAt(path, `${file} ${problem}`));
    return undefined;
  }
  // Loaded here, because a configuration without revocation lists does not need this library.
  await import("reflect-metadata");
  const { X509Certificate: ReadableCertificate, X509Crl } = (await import("@peculiar/x509")).default;
  try {
    const lists = blocks.map(({ der }) => new X509Crl(der));
    for (const { issuer, nextUpdate } of lists)
      if (nextUpdate !== undefined && nextUpdate.getTime() <= Date.now()) {
        const end = nextUpdate.toISOString();
        const effect = "clients with certificates of this CA are refused until there is a new one";
        report(warningAt(path, `${file}: the list of ${issuer} was valid until ${end}; ${effect}`));
      }
    const issuers = new Set(lists.map(({ issuer }) => issuer));
    const trusted = certificatesOf(authorities.pem);
    for (const authority of trusted) {
      const { subject } = new ReadableCertificate(authority.raw);
      if (!issuers.has(subject)) {
        const effect = "clients with certificates of this CA are refused; add its list";
        report(warningAt(path, `${file} has no list of ${subject}; ${effect}`));
      }
      if (!isRooted(authority, trusted)) {
        const effect =
          "with lists, every CA up to the root is checked, and clients are refused; add it to ca";
        report(warningAt(path, `${authorities.source.file} has no issuer of ${subject}: ${effect}`));
      }
    }
    const ends = lists.flatMap(({ nextUpdate }) => nextUpdate?.getTime() ?? []);
    const pems = blocks.map(({ text }) => text);
    return { source, pems, nextUpdate: ends.length === 0 ? undefined : Math.min(...ends) };
  } catch (error) {
    const message = `${file} holds a revocation list that can't be read (${reason(error)}); get it again`;
    report(errorAt(path, message));
    return undefined;
  }
}

/** Whether the CA that issued this one is trusted too; a root issued itself. */
function isRooted(certificate: X509Certificate, trusted: readonly X509Certificate[]): boolean {
  return trusted.some((issuer) => certificate.checkIssued(issuer));
}
