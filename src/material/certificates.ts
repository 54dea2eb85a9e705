import { errorAt, type Finding, type Path, warningAt } from "../lib/findings.ts";
import { mebibyte } from "../lib/read-file.ts";
import type { Certificate, PairSource } from "../model/material.ts";
import { loadPem, readChain, readKey } from "./contents.ts";
import { chainWarnings, type Peers } from "./lint.ts";
import { addressesOf, namesOf, subjectOf } from "./subject.ts";

/**
 * Reads a certificate with its key and checks that they can serve.
 * @param path of the table with both, in the configuration. Problems are reported below it, at `cert` or `key`.
 * @returns undefined after an error.
 */
export async function loadCertificate(
  source: PairSource,
  peers: Peers,
  path: Path,
  report: (finding: Finding) => void,
): Promise<Certificate | undefined> {
  const { given } = source;
  const [cert, key] = await Promise.all([
    loadPem(source.cert, mebibyte, given?.cert),
    loadPem(source.key, mebibyte, given?.key),
  ]);
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
  const addresses = addressesOf(leaf);
  return {
    source,
    cert: chain.value.pem,
    key: privateKey.value.pem,
    subject: subjectOf(leaf),
    keyType: leaf.publicKey.asymmetricKeyType!,
    names: namesOf(leaf),
    ...(addresses.length > 0 && { addresses }),
    notAfter: leaf.validToDate.getTime(),
  };
}
