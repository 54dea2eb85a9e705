import type { X509Certificate } from "node:crypto";
import { errorAt, type Finding, type Path, warningAt } from "../lib/findings.ts";
import type { Certificate, PairSource } from "../model/material.ts";
import { loadPem, readChain, readKey } from "./contents.ts";
import { namesOf, subjectOf } from "./subject.ts";

const day = 24 * 60 * 60 * 1000;
/** From here on a certificate's end is warned of, in milliseconds before it. */
export const soon: number = 30 * day;

/** Who a certificate is shown to. */
export type Peers = "clients" | "backends";

/**
 * Reads a certificate with its key and checks that they can serve.
 * @param path of what has both, in the configuration: what is wrong is reported below it, at `cert` or `key`.
 * @returns undefined after an error.
 */
export async function loadCertificate(
  source: PairSource,
  peers: Peers,
  path: Path,
  report: (finding: Finding) => void,
): Promise<Certificate | undefined> {
  const [cert, key] = await Promise.all([loadPem(source.cert), loadPem(source.key)]);
  const chain = "value" in cert ? readChain(cert.value) : cert;
  const privateKey = "value" in key ? readKey(key.value) : key;
  if ("problem" in chain) report(errorAt([...path, "cert"], `${source.cert} ${chain.problem}`));
  if ("problem" in privateKey) report(errorAt([...path, "key"], `${source.key} ${privateKey.problem}`));
  if ("value" in chain)
    for (const message of chainWarnings(chain.value.value, peers, Date.now()))
      report(warningAt([...path, "cert"], `${source.cert}: ${message}`));
  if (!("value" in chain && "value" in privateKey)) return undefined;

  const leaf = chain.value.value[0]!;
  if (!leaf.checkPrivateKey(privateKey.value.value)) {
    const owner = chain.value.value.findIndex((other) => other.checkPrivateKey(privateKey.value.value));
    const advice =
      owner === -1
        ? "name the key that the certificate was made for"
        : `the key belongs to certificate number ${owner + 1} of the file, which must come first`;
    const message = `${source.key} does not match ${source.cert} (${subjectOf(leaf)}); ${advice}`;
    report(errorAt([...path, "key"], message));
    return undefined;
  }
  return {
    source,
    cert: chain.value.pem,
    key: privateKey.value.pem,
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
