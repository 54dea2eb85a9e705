import { resolve } from "node:path";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { loadClientTrust } from "../../../material/client-trust.ts";
import type { ClientAuth } from "../../../model/client-auth.ts";
import type { FileSource } from "../../../model/material.ts";
import type { ClientAuthSettings } from "../schema/client-auth.ts";

/** @returns undefined where clients are not asked for a certificate, or after an error. */
export async function resolveClientAuth(
  { mode, ca, crl, allow }: ClientAuthSettings,
  path: Path,
  directory: string,
  report: (finding: Finding) => void,
): Promise<ClientAuth | undefined> {
  if (mode === "none") return undefined;
  if (ca === undefined && crl === undefined && allow?.every(({ kind }) => kind === "sha256"))
    return { mode, ca, crl, allow };
  if (ca === undefined) {
    const message = `is missing; mode = "${mode}" needs the CAs that may issue client certificates, unless allow pins keys ("sha256:…") and nothing else`;
    report(errorAt([...path, "ca"], message));
    return undefined;
  }
  const at = (file: string): FileSource => ({ kind: "file", file: resolve(directory, file) });
  const source = { ca: at(ca), crl: crl === undefined ? undefined : at(crl) };
  const trust = await loadClientTrust(source, path, report);
  return trust && { mode, ...trust, allow };
}
