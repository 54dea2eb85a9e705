import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { describeReadError } from "../../../lib/read-file.ts";
import { certificateFile } from "../../../material/acme-paths.ts";
import { loadBackendAuthorities } from "../../../material/authorities.ts";
import type {
  AcmeSettings,
  DnsSettings,
  WantedCertificate,
  WantedCertificates,
} from "../../../model/acme.ts";
import type { Listener } from "../../../model/listener.ts";
import { type AcmeTable, knownDirectories } from "../schema/acme.ts";
import type { TlsSettings } from "../schema/listener.ts";

type Report = (finding: Finding) => void;

/** How certificates are got. @returns undefined without a table. */
export async function resolveAcme(
  table: AcmeTable | undefined,
  directory: string,
  report: Report,
): Promise<AcmeSettings | undefined> {
  if (table === undefined) return undefined;
  const { external_account: external } = table;
  const ca =
    table.ca === undefined
      ? undefined
      : await loadBackendAuthorities(
          { kind: "file", file: resolve(directory, table.ca) },
          ["acme", "ca"],
          report,
        );
  const usualTrial = table.directory === knownDirectories.letsencrypt ? knownDirectories.staging : undefined;
  const trial = table.trial_directory ?? usualTrial;
  return {
    directory: table.directory,
    trial: trial === table.directory ? undefined : trial,
    contact: table.contact.map((address) => `mailto:${address}`),
    storage: resolve(directory, table.storage),
    ca: ca && { file: ca.source.file, pem: ca.pem },
    externalAccount: external && {
      keyId: external.key_id,
      keyFile: resolve(directory, external.hmac_key_file),
    },
    keyType: table.key_type,
    profile: table.profile,
    propagation: table.propagation,
    dns: table.dns && (await resolveDns(table.dns, directory, report)),
  };
}

async function resolveDns(
  { command, nameservers = [], ...rest }: NonNullable<AcmeTable["dns"]>,
  directory: string,
  report: Report,
): Promise<DnsSettings> {
  const [file = "", ...args] = command;
  const program = resolve(directory, file);
  const problem = await problemOf(program);
  if (problem !== undefined) report(errorAt(["acme", "dns", "command", 0], `${program} ${problem}`));
  return { ...rest, command: [program, ...args], nameservers };
}

/** Why umay's user can't run a program; undefined: it can. */
async function problemOf(program: string): Promise<string | undefined> {
  try {
    const found = await stat(program);
    await access(program, constants.X_OK);
    // To root all is allowed, and of a folder it means something else.
    if (found.isFile() && (found.mode & 0o111) !== 0) return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return describeReadError(error);
  }
  return "can't be run by umay's user; make it executable, and its folders accessible";
}

/** The certificates that a listener wants from the authority. @param path of its `tls`. */
export function resolveWanted(
  { acme: wanted }: TlsSettings,
  settings: AcmeSettings | undefined,
  path: Path,
  report: Report,
): WantedCertificates | undefined {
  if (wanted === undefined) return undefined;
  const at = [...path, "acme"];
  if (settings === undefined) {
    report(errorAt(at, "needs a table [acme], which says who issues; add one with terms_agreed = true"));
    return undefined;
  }
  const seen = new Set<string>();
  for (const [index, name] of wanted.names.entries()) {
    const text = JSON.stringify(name);
    if (seen.has(name)) report(errorAt([...at, "names", index], `${text} is there twice; remove one`));
    if (name.startsWith("*.") && wanted.challenge !== "dns-01")
      report(
        errorAt(
          [...at, "names", index],
          `${text} is a wildcard, which authorities issue by dns-01 only; add challenge = "dns-01" and acme.dns, or name hosts`,
        ),
      );
    seen.add(name);
  }
  if (wanted.challenge === "dns-01" && settings.dns === undefined)
    report(
      errorAt(
        [...at, "challenge"],
        "dns-01 needs acme.dns, which says how records are set; add one with a command, or use another challenge",
      ),
    );
  return { challenge: wanted.challenge, certificates: certificatesFor(seen, settings) };
}

/** A wildcard and the name above it are proven by records of one name, so they share a certificate. */
function certificatesFor(
  names: ReadonlySet<string>,
  { storage, directory }: AcmeSettings,
): readonly WantedCertificate[] {
  return [...names]
    .filter((name) => !names.has(`*.${name}`))
    .map((name) => {
      const file = certificateFile(storage, directory, name);
      const base = name.startsWith("*.") && names.has(name.slice(2)) ? [name.slice(2)] : [];
      return { name, names: [name, ...base], source: { kind: "file", cert: file, key: file } };
    });
}

/** Settings that do not go together, or have no effect. */
export function checkAcme(
  settings: AcmeSettings | undefined,
  listeners: readonly Listener[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const wanting = listeners.flatMap(({ name, tls }) =>
    tls.flatMap(({ acme }) => (acme === undefined ? [] : [{ listener: name, ...acme }])),
  );
  if (settings !== undefined && wanting.length === 0)
    findings.push({
      ...warningAt(
        ["acme"],
        "no listener has tls.acme, so nothing is ordered; add names to one, or remove this table",
      ),
      at: "key",
    });
  if (settings?.dns !== undefined && !wanting.some(({ challenge }) => challenge === "dns-01"))
    findings.push({
      ...warningAt(
        ["acme", "dns"],
        'no listener has tls.acme with challenge = "dns-01", so no record is set; add it to one, or remove this table',
      ),
      at: "key",
    });
  if (settings?.directory === knownDirectories.staging && wanting.length > 0)
    findings.push(
      warningAt(
        ["acme", "directory"],
        'is staging, whose certificates no client trusts; when it works, set it to "letsencrypt"',
      ),
    );
  const speaksHttp = listeners.some(({ chains }) => chains.some(({ serve }) => serve.kind === "http"));
  const challenges = new Map<string, string>();
  for (const { listener, challenge, certificates } of wanting) {
    const path = ["listeners", listener, "tls", "acme"];
    if (challenge === "http-01" && !speaksHttp)
      findings.push(
        errorAt(
          [...path, "challenge"],
          'http-01 needs a listener with mode = "http", which the authority reaches as port 80; add one, or use tls-alpn-01',
        ),
      );
    for (const name of certificates.flatMap(({ names }) => names)) {
      const other = challenges.get(name);
      if (other !== undefined && other !== challenge)
        findings.push(
          errorAt([...path, "challenge"], `${name} has ${other} on another listener; use one of them`),
        );
      challenges.set(name, challenge);
    }
  }
  return findings;
}
