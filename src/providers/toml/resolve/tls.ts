import { resolve } from "node:path";
import { getCiphers } from "node:tls";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { didYouMean, listChoices } from "../../../lib/suggest.ts";
import { loadCertificate } from "../../../material/certificates.ts";
import { loadTicketKeys } from "../../../material/ticket-keys.ts";
import type { AcmeSettings, WantedCertificates } from "../../../model/acme.ts";
import type { ListenerTls, SessionTickets } from "../../../model/listener.ts";
import type { Certificate } from "../../../model/material.ts";
import { listenerOptions } from "../../../tls/listener.ts";
import { contextRefusal } from "../../../tls/refusal.ts";
import type { TlsSettings } from "../schema/listener.ts";
import { resolveWanted } from "./acme.ts";
import { tlsSettings } from "./chains.ts";
import { resolveClientAuth } from "./client-auth.ts";

/** RFC 8446 appendix B.4, less the CCM ones. */
const tls13Suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const tls12Ciphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
const preferredGroups = ["X25519MLKEM768", "X25519", "P-256", "P-384"];
/**
 * In TLS 1.2 OpenSSL takes a client's certificate only where its key is on one of the groups, which are for the key
 * exchange otherwise. The last of them is used for that only with clients that have no other.
 */
const clientCurve = "P-521";

/** The ciphers of a listener that names none. */
export const usualCiphers: string = [...tls13Suites, ...tls12Ciphers].join(":");

/** The groups of a listener that names none. @param asksClients whether it asks clients for a certificate. */
export const usualGroups = (asksClients: boolean): readonly string[] =>
  availableGroups(wantedGroups(asksClients));

const wantedGroups = (asksClients: boolean): readonly string[] =>
  asksClients ? [...preferredGroups, clientCurve] : preferredGroups;

/** Reads the certificates of a listener and checks that OpenSSL takes them with the listener's settings. */
export async function resolveTls(
  settings: TlsSettings,
  path: Path,
  directory: string,
  acme: AcmeSettings | undefined,
  report: (finding: Finding) => void,
): Promise<ListenerTls> {
  if (settings.min_version > settings.max_version)
    report(
      errorAt(
        [...path, "min_version"],
        `is newer than max_version, ${settings.max_version}; raise that or lower this`,
      ),
    );
  const ciphers = resolveCiphers(settings, [...path, "ciphers"], report);
  const usual = wantedGroups(settings.client_auth !== undefined);
  const groups = resolveGroups(settings.groups, usual, [...path, "groups"], report);
  const loaded: (Certificate | undefined)[] = [];
  // One after the other: ten thousand at once would need more open files than most processes may have.
  const { certificates = [] } = settings;
  if (certificates.length === 0 && settings.acme === undefined)
    report(errorAt([...path, "certificates"], "is missing; name a certificate with its key, or use acme"));
  for (const [index, { cert, key }] of certificates.entries()) {
    const source = { kind: "file", cert: resolve(directory, cert), key: resolve(directory, key) } as const;
    loaded.push(await loadCertificate(source, "clients", [...path, "certificates", index], report));
  }
  const wanted = resolveWanted(settings, acme, path, report);
  const clientAuth =
    settings.client_auth &&
    (await resolveClientAuth(settings.client_auth, [...path, "client_auth"], directory, report));
  const tls: ListenerTls = {
    name: tlsSettings,
    minVersion: settings.min_version,
    maxVersion: settings.max_version,
    ciphers,
    groups,
    // PostgreSQL 17 begins with TLS directly only where this is agreed on.
    alpn: settings.starttls !== undefined && settings.alpn.length === 0 ? ["postgresql"] : settings.alpn,
    ...(settings.starttls !== undefined && { starttls: settings.starttls }),
    ...(settings.starttls_plain === "pass" && { passesPlain: true }),
    strictSni: settings.strict_sni,
    clientAuth,
    sessionTickets: await resolveTickets(settings, [...path, "session_tickets"], directory, report),
    certificates: [
      ...loaded.filter((certificate) => certificate !== undefined),
      ...(await loadWanted(wanted)),
    ],
    ...(wanted !== undefined && { acme: wanted }),
  };
  for (const [index, certificate] of loaded.entries()) {
    const refusal = certificate && contextRefusal(listenerOptions(tls, certificate));
    const message = `OpenSSL refuses ${certificate?.source.cert}: ${refusal}`;
    if (refusal !== undefined) report(errorAt([...path, "certificates", index, "cert"], message));
  }
  return tls;
}

/** The certificates that are in the storage already. One that can't be used is ordered anew. */
async function loadWanted(wanted: WantedCertificates | undefined): Promise<readonly Certificate[]> {
  const found: Certificate[] = [];
  for (const { source } of wanted?.certificates ?? []) {
    const certificate = await loadCertificate(source, "clients", [], () => {});
    if (certificate !== undefined) found.push(certificate);
  }
  return found;
}

async function resolveTickets(
  { session_tickets: { enabled, rotate, keys_file } }: TlsSettings,
  path: Path,
  directory: string,
  report: (finding: Finding) => void,
): Promise<SessionTickets | undefined> {
  if (!enabled) return undefined;
  if (keys_file === undefined) return { rotate, keys: undefined };
  const file = resolve(directory, keys_file);
  const keys = await loadTicketKeys({ kind: "file", file });
  if ("problem" in keys) report(errorAt([...path, "keys_file"], `${file} ${keys.problem}`));
  return { rotate, keys: "value" in keys ? keys.value : undefined };
}

/** Node turns off a TLS version without a cipher in the list. A list for TLS 1.2 alone must not turn off TLS 1.3. */
function resolveCiphers(settings: TlsSettings, path: Path, report: (finding: Finding) => void): string {
  if (settings.ciphers === undefined) return usualCiphers;
  const names = settings.ciphers.split(":").map((name) => name.trim());
  const known = new Set(getCiphers());
  const unknown = names.filter((name) => !known.has(name.toLowerCase()));
  for (const name of unknown) report(unknownCipher(name, path));
  if (unknown.length > 0) return tls12Ciphers.join(":");
  const ciphers = names.map((name) => name.toUpperCase());
  const suites = ciphers.filter((name) => name.startsWith("TLS_"));
  if (suites.length === 0) return [...tls13Suites, ...ciphers].join(":");
  const lacking = suites.length === ciphers.length ? "names no cipher of TLS 1.2" : undefined;
  if (lacking !== undefined && settings.max_version === "TLSv1.2")
    report(errorAt(path, `${lacking}, which max_version allows alone; add one, or raise max_version`));
  else if (lacking !== undefined && settings.min_version === "TLSv1.2")
    report(
      warningAt(path, `${lacking}: clients without TLS 1.3 are refused; say so with min_version = "TLSv1.3"`),
    );
  return ciphers.join(":");
}

function unknownCipher(name: string, path: Path): Finding {
  const known = getCiphers().map((cipher) => cipher.toUpperCase());
  const message = `${JSON.stringify(name)} is no cipher that this OpenSSL has; expected names from \`openssl ciphers\`, separated by colons (no expressions such as HIGH or !MD5)`;
  return errorAt(path, message, didYouMean(openSslName(name), known));
}

/** OpenSSL's spelling of an IANA name: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. */
function openSslName(name: string): string {
  if (!name.includes("_WITH_")) return name;
  return name
    .replace(/^TLS_/, "")
    .replace("_WITH_", "_")
    .replace(/AES_(\d+)/, "AES$1")
    .replaceAll("_", "-");
}

function resolveGroups(
  chosen: readonly string[] | undefined,
  usual: readonly string[],
  path: Path,
  report: (finding: Finding) => void,
): readonly string[] {
  if (chosen === undefined) return availableGroups(usual);
  // A colon would begin another group.
  const isGroup = (group: string): boolean => /^[^:]+$/.test(group) && hasGroups([group]);
  for (const [index, group] of chosen.entries()) {
    if (isGroup(group)) continue;
    const available = availableGroups(usual);
    const message = `${JSON.stringify(group)} is no group that this OpenSSL (${process.versions.openssl}) has; common ones are ${listChoices(available)}`;
    report(errorAt([...path, index], message, didYouMean(group, available)));
  }
  return chosen.filter(isGroup);
}

function availableGroups(usual: readonly string[]): readonly string[] {
  return hasGroups(usual) ? usual : usual.filter((group) => hasGroups([group]));
}

function hasGroups(groups: readonly string[]): boolean {
  return contextRefusal({ ecdhCurve: groups.join(":") }) === undefined;
}
