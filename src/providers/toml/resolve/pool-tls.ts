import { resolve } from "node:path";
import { getCACertificates } from "node:tls";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import type { Certificate } from "../../../model/listener.ts";
import type { DiscoverySpec, PoolTls } from "../../../model/pool.ts";
import type { PoolTlsSettings } from "../schema/pool-tls.ts";
import { loadCertificate, subjectOf } from "./certificates.ts";
import { contextRefusal } from "./context.ts";
import { serviceName } from "./discovery.ts";
import { loadPem, readChain } from "./pem.ts";

type Report = (finding: Finding) => void;

/** Reads the files of a pool's TLS, and checks that its backends have names that can be verified. */
export async function resolvePoolTls(
  settings: PoolTlsSettings,
  discovery: DiscoverySpec,
  path: Path,
  directory: string,
  report: Report,
): Promise<PoolTls> {
  const { verify, alpn } = settings;
  const named = settings.server_name ?? serviceName(discovery);
  if (verify && named === undefined) checkNames(discovery, path, report);
  if (!verify)
    report(
      warningAt(
        [...path, "verify"],
        "backends are not verified: whoever answers at their addresses gets what clients send; name the CA of their certificates in ca, and leave verify out",
      ),
    );
  const caFile = settings.ca && resolve(directory, settings.ca);
  const [ca, certificate] = await Promise.all([
    caFile && loadAuthorities(caFile, [...path, "ca"], report),
    loadClientCertificate(settings, path, directory, report),
  ]);
  if (verify && caFile === undefined && getCACertificates("system").length === 0)
    report(errorAt(path, "this system has no CA certificates; name those that vouch for the backends in ca"));
  // A name is written without its dot in certificates and in SNI (RFC 6066 section 3).
  return { verify, caFile, ca, serverName: named?.replace(/\.$/, ""), certificate, alpn };
}

/** Unix sockets have no name that a certificate could cover; IP addresses can be covered, host names come with each backend. */
function checkNames(discovery: DiscoverySpec, path: Path, report: Report): void {
  if (discovery.type !== "static") return;
  const nameless = discovery.backends.find(({ target }) => target.kind === "unix");
  if (nameless === undefined) return;
  const message = `${nameless.address} has no name to verify; add server_name with the name that its certificate covers, or verify = false`;
  report(errorAt(path, message));
}

/** @returns the PEM; undefined after an error. */
export async function loadAuthorities(file: string, path: Path, report: Report): Promise<string | undefined> {
  const pem = await loadPem(file);
  const bundle = "value" in pem ? readChain(pem.value) : pem;
  if ("problem" in bundle) {
    report(errorAt(path, `${file} ${bundle.problem}`));
    return undefined;
  }
  for (const authority of bundle.value)
    if (authority.validToDate.getTime() <= Date.now())
      report(
        warningAt(
          path,
          `${file}: ${subjectOf(authority)} expired on ${authority.validToDate.toISOString()}; backends that it vouches for will be refused, get its successor`,
        ),
      );
  return bundle.value.map(String).join("");
}

async function loadClientCertificate(
  { cert, key }: PoolTlsSettings,
  path: Path,
  directory: string,
  report: Report,
): Promise<Certificate | undefined> {
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    if (cert !== key)
      report(errorAt([...path, there], `there is no ${missing}; a client certificate needs cert and key`));
    return undefined;
  }
  const certificate = await loadCertificate({ cert, key }, path, directory, report, "backends");
  const refusal = certificate && contextRefusal({ cert: certificate.cert, key: certificate.key });
  if (refusal === undefined) return certificate;
  report(errorAt([...path, "cert"], `OpenSSL refuses ${certificate!.certFile}: ${refusal}`));
  return undefined;
}
