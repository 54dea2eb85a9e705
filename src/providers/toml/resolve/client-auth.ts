import { resolve } from "node:path";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import type { ClientAuth } from "../../../model/client-auth.ts";
import type { ClientAuthSettings } from "../schema/client-auth.ts";
import { soon, subjectOf } from "./certificates.ts";
import { contextRefusal } from "./context.ts";
import { loadPem, readChain } from "./pem.ts";
import { loadRevocationLists } from "./revocation-lists.ts";

type Report = (finding: Finding) => void;

/**
 * Reads the CAs and revocation lists that clients are verified with. What can't be used is an error, never "no check".
 * @returns undefined where clients are not asked for a certificate, or after an error.
 */
export async function resolveClientAuth(
  { mode, ca, crl, allow }: ClientAuthSettings,
  path: Path,
  directory: string,
  report: Report,
): Promise<ClientAuth | undefined> {
  if (mode === "none") return undefined;
  if (ca === undefined) {
    const message = `is missing; mode = "${mode}" needs the CAs that may issue client certificates`;
    report(errorAt([...path, "ca"], message));
    return undefined;
  }
  const caFile = resolve(directory, ca);
  const crlFile = crl && resolve(directory, crl);
  const trusted = await loadAuthorities(caFile, [...path, "ca"], report);
  if (trusted === undefined) return undefined;
  const revoked =
    crlFile === undefined
      ? { crls: [], nextUpdate: undefined }
      : await loadRevocationLists(crlFile, trusted.ca, [...path, "crl"], report);
  if (revoked === undefined) return undefined;
  const { crls, nextUpdate: crlNextUpdate } = revoked;
  const refusal = contextRefusal({ ca: trusted.ca, ...(crls.length > 0 && { crl: [...crls] }) });
  if (refusal === undefined) return { mode, caFile, ...trusted, crlFile, crls, crlNextUpdate, allow };
  const files = crlFile === undefined ? caFile : `${caFile} with ${crlFile}`;
  report(errorAt([...path, "ca"], `OpenSSL refuses ${files}: ${refusal}`));
  return undefined;
}

async function loadAuthorities(
  file: string,
  path: Path,
  report: Report,
): Promise<Pick<ClientAuth, "ca" | "authorities"> | undefined> {
  const pem = await loadPem(file);
  const bundle = "value" in pem ? readChain(pem.value) : pem;
  if (!("value" in pem && "value" in bundle)) {
    if ("problem" in bundle) report(errorAt(path, `${file} ${bundle.problem}`));
    return undefined;
  }
  const authorities = bundle.value.map((certificate) => ({
    subject: subjectOf(certificate),
    notAfter: certificate.validToDate.getTime(),
  }));
  const strangers = authorities.filter((_, index) => !bundle.value[index]!.ca);
  if (strangers.length > 0) {
    const subjects = strangers.map(({ subject }) => subject).join("; ");
    const advice = "name the CAs that issue client certificates; allow lets in some of those only";
    report(errorAt(path, `${file} holds a certificate that is no CA (${subjects}); ${advice}`));
    return undefined;
  }
  for (const { subject, notAfter } of authorities)
    if (notAfter - Date.now() < soon) {
      const end = new Date(notAfter).toISOString();
      const message = `${file}: ${subject} ends on ${end}; from then on clients with certificates of it are refused`;
      report(warningAt(path, message));
    }
  return { ca: pem.value, authorities };
}
