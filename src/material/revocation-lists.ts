import { errorAt, type Finding, type Path, warningAt } from "../lib/findings.ts";
import { readLimits } from "../lib/read-file.ts";
import type { Authorities, FileSource, RevocationLists } from "../model/material.ts";
import { reason } from "../tls/refusal.ts";
import { loadPem } from "./contents.ts";
import { type PemBlock, parsePem } from "./pem.ts";

/**
 * Reads a file of revocation lists (RFC 5280 section 5), and warns of what would refuse clients that nobody revoked:
 * lists that are out of date, and CAs without one, because OpenSSL then checks every CA of a chain.
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
  const loaded = await loadPem(file, readLimits.revocationLists);
  const blocks = "value" in loaded ? loaded.value.filter(({ label }) => label === "X509 CRL") : [];
  if (blocks.length === 0) {
    const problem =
      "problem" in loaded ? loaded.problem : "holds no revocation list (-----BEGIN X509 CRL-----)";
    report(errorAt(path, `${file} ${problem}`));
    return undefined;
  }
  // A configuration without revocation lists does not wait for this library.
  await import("reflect-metadata");
  const { X509Certificate, X509Crl } = (await import("@peculiar/x509")).default;
  try {
    const lists = blocks.map(({ der }) => new X509Crl(der));
    for (const { issuer, nextUpdate } of lists)
      if (nextUpdate !== undefined && nextUpdate.getTime() <= Date.now()) {
        const end = nextUpdate.toISOString();
        const effect = "clients with certificates of this CA are refused until there is a new one";
        report(warningAt(path, `${file}: the list of ${issuer} was valid until ${end}; ${effect}`));
      }
    const issuers = new Set(lists.map(({ issuer }) => issuer));
    for (const { der } of blocksOf(authorities)) {
      const { subject } = new X509Certificate(der);
      if (!issuers.has(subject)) {
        const effect = "clients with certificates of this CA are refused; add its list";
        report(warningAt(path, `${file} has no list of ${subject}; ${effect}`));
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

function blocksOf({ pem }: Authorities): readonly PemBlock[] {
  const parsed = parsePem(Buffer.from(pem));
  return "value" in parsed ? parsed.value : [];
}
