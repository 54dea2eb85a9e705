import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { loadPem, pemBlocks, reason } from "./pem.ts";

export interface RevocationLists {
  /** PEM, one block each. */
  readonly crls: readonly string[];
  /** When the first of them ends to be valid, in milliseconds since 1970; undefined: never. */
  readonly nextUpdate: number | undefined;
}

/**
 * Reads a file of revocation lists (RFC 5280 section 5), and warns of what would refuse clients that nobody revoked:
 * lists that are out of date, and CAs without one, because OpenSSL then checks every CA of a chain.
 * @param authorities the trusted CAs, PEM.
 * @returns undefined after an error.
 */
export async function loadRevocationLists(
  file: string,
  authorities: string,
  path: Path,
  report: (finding: Finding) => void,
): Promise<RevocationLists | undefined> {
  const loaded = await loadPem(file);
  const crls = "value" in loaded ? pemBlocks(loaded.value, "X509 CRL") : [];
  if (crls.length === 0) {
    const problem =
      "problem" in loaded ? loaded.problem : "holds no revocation list (-----BEGIN X509 CRL-----)";
    report(errorAt(path, `${file} ${problem}`));
    return undefined;
  }
  // A configuration without revocation lists does not wait for this library.
  await import("reflect-metadata");
  const { X509Certificate, X509Crl } = (await import("@peculiar/x509")).default;
  try {
    const lists = crls.map((pem) => new X509Crl(pem));
    for (const { issuer, nextUpdate } of lists)
      if (nextUpdate !== undefined && nextUpdate.getTime() <= Date.now()) {
        const effect = "clients with certificates of this CA are refused until there is a new one";
        report(
          warningAt(
            path,
            `${file}: the list of ${issuer} was valid until ${nextUpdate.toISOString()}; ${effect}`,
          ),
        );
      }
    const issuers = new Set(lists.map(({ issuer }) => issuer));
    for (const block of pemBlocks(authorities, "CERTIFICATE")) {
      const { subject } = new X509Certificate(block);
      if (!issuers.has(subject)) {
        const effect = "clients with certificates of this CA are refused; add its list";
        report(warningAt(path, `${file} has no list of ${subject}; ${effect}`));
      }
    }
    const ends = lists.flatMap(({ nextUpdate }) => nextUpdate?.getTime() ?? []);
    return { crls, nextUpdate: ends.length === 0 ? undefined : Math.min(...ends) };
  } catch (error) {
    report(
      errorAt(path, `${file} holds a revocation list that can't be read (${reason(error)}); get it again`),
    );
    return undefined;
  }
}
