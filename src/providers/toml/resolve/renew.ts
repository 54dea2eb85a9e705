import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Finding } from "../../../lib/findings.ts";
import type { ClientAuth } from "../../../model/client-auth.ts";
import type { Certificate, ListenerTls, SessionTickets } from "../../../model/listener.ts";
import { loadCertificate } from "./certificates.ts";
import { resolveClientAuth } from "./client-auth.ts";
import { contextRefusal } from "./context.ts";
import { loadAuthorities } from "./pool-tls.ts";
import { loadTicketKeys } from "./ticket-keys.ts";
import { contextOptions } from "./tls.ts";

/** What a file that changed has to offer: something that can serve, with what is to be said about it, or a problem. */
export type Renewed<T> =
  | { readonly value: T; readonly warnings: readonly string[] }
  | { readonly problem: string };

/**
 * Reads a listener's certificate with its key again, with the checks of the first time; besides, it must be valid now.
 * @returns the old one itself where nothing changed.
 */
export function renewCertificate(old: Certificate, tls: ListenerTls): Promise<Renewed<Certificate>> {
  return renewPair(old, "clients", (renewed) => contextOptions(tls, renewed));
}

/** The same for the certificate that umay shows to backends. */
export function renewClientCertificate(old: Certificate): Promise<Renewed<Certificate>> {
  return renewPair(old, "backends", ({ cert, key }) => ({ cert, key }));
}

async function renewPair(
  old: Certificate,
  peers: "clients" | "backends",
  options: (renewed: Certificate) => SecureContextOptions,
): Promise<Renewed<Certificate>> {
  if ((await holds(old.certFile, old.cert)) && (await holds(old.keyFile, old.key))) return loaded(old);
  const renewed = await load((report) =>
    loadCertificate({ cert: old.certFile, key: old.keyFile }, [], "/", report, peers),
  );
  if ("problem" in renewed) return renewed;
  const { certFile, cert } = renewed.value;
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const now = Date.now();
  if (validToDate.getTime() <= now) return { problem: `${certFile} expired on ${validToDate.toISOString()}` };
  if (validFromDate.getTime() > now)
    return { problem: `${certFile} is not valid before ${validFromDate.toISOString()}` };
  const refusal = contextRefusal(options(renewed.value));
  return refusal === undefined ? renewed : { problem: `OpenSSL refuses ${certFile}: ${refusal}` };
}

/** Reads the CAs of backends again. @returns the old ones themselves where nothing changed. */
export async function renewAuthorities(old: string, file: string): Promise<Renewed<string>> {
  const renewed = await load((report) => loadAuthorities(file, [], report));
  return "value" in renewed && renewed.value === old ? loaded(old) : renewed;
}

/** Reads CAs and revocation lists again. @returns the old ones themselves where nothing changed. */
export async function renewClientAuth(old: ClientAuth): Promise<Renewed<ClientAuth>> {
  const { mode, caFile, crlFile, allow } = old;
  const renewed = await load((report) =>
    resolveClientAuth({ mode, ca: caFile, crl: crlFile, allow: allow && [...allow] }, [], "/", report),
  );
  if ("problem" in renewed) return renewed;
  const { ca, crls } = renewed.value;
  return ca === old.ca && crls.join() === old.crls.join() ? loaded(old) : renewed;
}

/** Reads the key of session tickets again. @returns the old settings themselves where nothing changed. */
export async function renewTickets(old: SessionTickets, file: string): Promise<Renewed<SessionTickets>> {
  const keys = await loadTicketKeys(file);
  if ("problem" in keys) return { problem: `${file} ${keys.problem}` };
  return loaded(isDeepStrictEqual(keys.value, old.keys) ? old : { ...old, keys: keys.value });
}

const loaded = <T>(value: T): Renewed<T> => ({ value, warnings: [] });

/** Whether a file holds this text. One that can't be read does not; why will be said by whoever loads it. */
async function holds(file: string, text: string): Promise<boolean> {
  return readFile(file, "latin1").then(
    (found) => found === text,
    () => false,
  );
}

async function load<T>(
  read: (report: (finding: Finding) => void) => Promise<T | undefined>,
): Promise<Renewed<T>> {
  const findings: Finding[] = [];
  const value = await read((finding) => findings.push(finding));
  const said = (severity: Finding["severity"]): string[] =>
    findings.filter((finding) => finding.severity === severity).map(({ message }) => message);
  return value === undefined ? { problem: said("error").join("; ") } : { value, warnings: said("warning") };
}
