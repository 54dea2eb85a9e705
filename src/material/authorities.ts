import type { X509Certificate } from "node:crypto";
import { errorAt, type Finding, type Path, warningAt } from "../lib/findings.ts";
import { mebibyte } from "../lib/read-file.ts";
import type { Authorities, FileSource } from "../model/material.ts";
import { contextRefusal } from "../tls/refusal.ts";
import { trustOptions } from "../tls/trust.ts";
import { loadPem, readChain } from "./contents.ts";
import { soon } from "./lint.ts";
import { subjectOf } from "./subject.ts";

type Report = (finding: Finding) => void;

/**
 * Reads the CAs that may sign certificates of clients.
 * @param path of the key that names their file, in the configuration.
 * @returns undefined after an error.
 */
export async function loadClientAuthorities(
  source: FileSource,
  path: Path,
  report: Report,
): Promise<Authorities | undefined> {
  const loaded = await loadAuthorities(source, path, report);
  if (loaded === undefined) return undefined;
  const { certificates, authorities } = loaded;
  const strangers = authorities.members.filter((_, index) => !certificates[index]!.ca);
  if (strangers.length > 0) {
    const subjects = strangers.map(({ subject }) => subject).join("; ");
    const advice = "name the CAs that issue client certificates; allow lets in some of those only";
    report(errorAt(path, `${source.file} holds a certificate that is no CA (${subjects}); ${advice}`));
    return undefined;
  }
  for (const { subject, notAfter } of authorities.members)
    if (notAfter - Date.now() < soon) {
      const end = new Date(notAfter).toISOString();
      const effect = "from then on clients with certificates of it are refused";
      report(warningAt(path, `${source.file}: ${subject} ends on ${end}; ${effect}`));
    }
  return authorities;
}

/** Reads the CAs of backends, as {@link loadClientAuthorities} does. A backend's own certificate may be among them. */
export async function loadBackendAuthorities(
  source: FileSource,
  path: Path,
  report: Report,
): Promise<Authorities | undefined> {
  const authorities = (await loadAuthorities(source, path, report))?.authorities;
  for (const { subject, notAfter } of authorities?.members ?? [])
    if (notAfter <= Date.now()) {
      const end = new Date(notAfter).toISOString();
      const effect = "backends that it vouches for will be refused, get its successor";
      report(warningAt(path, `${source.file}: ${subject} expired on ${end}; ${effect}`));
    }
  return authorities;
}

async function loadAuthorities(
  source: FileSource,
  path: Path,
  report: Report,
): Promise<{ authorities: Authorities; certificates: readonly X509Certificate[] } | undefined> {
  const blocks = await loadPem(source.file, mebibyte, source.given);
  const bundle = "value" in blocks ? readChain(blocks.value) : blocks;
  if ("problem" in bundle) {
    report(errorAt(path, `${source.file} ${bundle.problem}`));
    return undefined;
  }
  const { value: certificates, pem } = bundle.value;
  const members = certificates.map((certificate) => ({
    subject: subjectOf(certificate),
    notAfter: certificate.validToDate.getTime(),
  }));
  const authorities = { source, pem, members };
  const refusal = contextRefusal(trustOptions(authorities, undefined));
  if (refusal === undefined) return { authorities, certificates };
  report(errorAt(path, `OpenSSL refuses ${source.file}: ${refusal}`));
  return undefined;
}
