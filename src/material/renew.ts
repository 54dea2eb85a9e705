import { X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Finding } from "../lib/findings.ts";
import { missing, stampOf } from "../lib/watch-files.ts";
import type { ClientTrust } from "../model/client-auth.ts";
import type { Authorities, Certificate, PairSource, TicketKeys } from "../model/material.ts";
import { contextRefusal } from "../tls/refusal.ts";
import { loadBackendAuthorities } from "./authorities.ts";
import { loadCertificate } from "./certificates.ts";
import { loadClientTrust } from "./client-trust.ts";
import { stillHolds } from "./contents.ts";
import type { Peers } from "./lint.ts";
import { loadTicketKeys } from "./ticket-keys.ts";

/** The result of reading a changed source: a usable value with warnings, or a problem. */
export type Renewed<T> =
  | { readonly value: T; readonly warnings: readonly string[] }
  | { readonly problem: string };

/**
 * Reads a certificate with its key again, with the checks of the first time. It must also be valid now.
 * @param options of a context that would show it.
 * @returns the old object itself where nothing changed.
 */
export async function renewCertificate(
  old: Certificate,
  peers: Peers,
  options: (renewed: Certificate) => SecureContextOptions,
): Promise<Renewed<Certificate>> {
  const { source: files } = old;
  if ((await stillHolds(files.cert, old.cert, "chain")) && (await stillHolds(files.key, old.key, "key")))
    return loaded(old);
  return usable(await load((report) => loadCertificate(old.source, peers, [], report)), options);
}

/**
 * Reads a certificate that there has been none of, with the same checks. @returns undefined while its file is missing.
 */
export async function readFirst(
  source: PairSource,
  options: (found: Certificate) => SecureContextOptions,
): Promise<Renewed<Certificate | undefined>> {
  if ((await stampOf(source.cert)) === missing) return loaded(undefined);
  return usable(await load((report) => loadCertificate(source, "clients", [], report)), options);
}

/** Whether it is valid now, and OpenSSL takes it. */
function usable(
  renewed: Renewed<Certificate>,
  options: (renewed: Certificate) => SecureContextOptions,
): Renewed<Certificate> {
  if ("problem" in renewed) return renewed;
  const { source, cert } = renewed.value;
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const now = Date.now();
  if (validToDate.getTime() <= now)
    return { problem: `${source.cert} expired on ${validToDate.toISOString()}` };
  if (validFromDate.getTime() > now)
    return { problem: `${source.cert} is not valid before ${validFromDate.toISOString()}` };
  const refusal = contextRefusal(options(renewed.value));
  return refusal === undefined ? renewed : { problem: `OpenSSL refuses ${source.cert}: ${refusal}` };
}

/** Reads the CAs of backends again. @returns the old object itself where nothing changed. */
export async function renewBackendAuthorities(old: Authorities): Promise<Renewed<Authorities>> {
  return unlessSame(old, await load((report) => loadBackendAuthorities(old.source, [], report)));
}

/** Reads CAs and revocation lists again. @returns the old ones themselves where nothing changed. */
export async function renewClientTrust(old: ClientTrust): Promise<Renewed<ClientTrust>> {
  const source = { ca: old.ca.source, crl: old.crl?.source };
  return unlessSame(old, await load((report) => loadClientTrust(source, [], report)));
}

/** Reads the key of session tickets again. @returns the old object itself where nothing changed. */
export async function renewTicketKeys(old: TicketKeys): Promise<Renewed<TicketKeys>> {
  const keys = await loadTicketKeys(old.source);
  if ("problem" in keys) return { problem: `${old.source.file} ${keys.problem}` };
  return unlessSame(old, loaded(keys.value));
}

const loaded = <T>(value: T): Renewed<T> => ({ value, warnings: [] });

const unlessSame = <T>(old: T, renewed: Renewed<T>): Renewed<T> =>
  "value" in renewed && isDeepStrictEqual(renewed.value, old) ? loaded(old) : renewed;

async function load<T>(
  read: (report: (finding: Finding) => void) => Promise<T | undefined>,
): Promise<Renewed<T>> {
  const findings: Finding[] = [];
  const value = await read((finding) => findings.push(finding));
  const said = (severity: Finding["severity"]): string[] =>
    findings.filter((finding) => finding.severity === severity).map(({ message }) => message);
  return value === undefined ? { problem: said("error").join("; ") } : { value, warnings: said("warning") };
}
