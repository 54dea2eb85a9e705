import { errorAt, type Finding, type Path } from "../lib/findings.ts";
import type { ClientTrust } from "../model/client-auth.ts";
import type { FileSource } from "../model/material.ts";
import { contextRefusal } from "../tls/refusal.ts";
import { trustOptions } from "../tls/trust.ts";
import { loadClientAuthorities } from "./authorities.ts";
import { loadRevocationLists } from "./revocation-lists.ts";

/** The sources of both. */
export interface ClientTrustSource {
  readonly ca: FileSource;
  readonly crl: FileSource | undefined;
}

/**
 * Reads CAs and revocation lists, which are good together or not at all.
 * @param path of the table with both, in the configuration. Problems are reported below it, at `ca` or `crl`.
 * @returns undefined after an error: a file that can't be used never means "no check".
 */
export async function loadClientTrust(
  source: ClientTrustSource,
  path: Path,
  report: (finding: Finding) => void,
): Promise<ClientTrust | undefined> {
  const ca = await loadClientAuthorities(source.ca, [...path, "ca"], report);
  if (ca === undefined) return undefined;
  const crl = source.crl && (await loadRevocationLists(source.crl, ca, [...path, "crl"], report));
  if (source.crl !== undefined && crl === undefined) return undefined;
  const refusal = crl && contextRefusal(trustOptions(ca, crl));
  if (refusal === undefined) return { ca, crl };
  report(errorAt([...path, "crl"], `OpenSSL refuses ${crl!.source.file}: ${refusal}`));
  return undefined;
}
