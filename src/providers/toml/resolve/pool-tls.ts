import { resolve } from "node:path";
import { getCACertificates } from "node:tls";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { canonicalName } from "../../../lib/host-name.ts";
import { loadBackendAuthorities } from "../../../material/authorities.ts";
import { loadCertificate } from "../../../material/certificates.ts";
import type { Certificate, FileSource } from "../../../model/material.ts";
import type { DiscoverySpec, PoolTls } from "../../../model/pool.ts";
import { certificateOptions } from "../../../tls/backend.ts";
import { contextRefusal } from "../../../tls/refusal.ts";
import type { PoolTlsSettings } from "../schema/pool-tls.ts";
import { serviceName } from "./discovery.ts";

type Report = (finding: Finding) => void;

/** Reads the files of a pool's TLS, and checks that its backends have names that can be verified. */
export async function resolvePoolTls(
  settings: PoolTlsSettings,
  discovery: DiscoverySpec,
  path: Path,
  directory: string,
  report: Report,
): Promise<PoolTls> {
  const { verify, alpn, starttls, verify_names: names, pins } = settings;
  const named = settings.server_name ?? serviceName(discovery);
  if (verify && named === undefined && names === undefined) checkNames(discovery, path, report);
  if (!verify && names !== undefined)
    report(
      errorAt([...path, "verify_names"], "no name is verified where verify is false; remove one of them"),
    );
  if (!verify && pins === undefined)
    report(
      warningAt(
        [...path, "verify"],
        "backends are not verified: whoever answers at their addresses gets what clients send; name the CA of their certificates in ca, or their keys in pins, and leave verify out",
      ),
    );
  const source: FileSource | undefined =
    settings.ca === undefined ? undefined : { kind: "file", file: resolve(directory, settings.ca) };
  const [ca, certificate] = await Promise.all([
    source && loadBackendAuthorities(source, [...path, "ca"], report),
    loadClientCertificate(settings, path, directory, report),
  ]);
  if (verify && source === undefined && getCACertificates("system").length === 0)
    report(errorAt(path, "this system has no CA certificates; name those that vouch for the backends in ca"));
  const name = named && canonicalName(named);
  return {
    verify,
    ca,
    serverName: name,
    ...(names && { names }),
    ...(pins && { pins }),
    certificate,
    alpn,
    ...(starttls && { starttls }),
  };
}

/** A certificate can't cover a unix socket. It can cover IP addresses, and host names come with the backends. */
function checkNames(discovery: DiscoverySpec, path: Path, report: Report): void {
  if (discovery.type !== "static") return;
  const nameless = discovery.backends.find(({ target }) => target.kind === "unix");
  if (nameless === undefined) return;
  const message = `${nameless.address} has no name to verify; add server_name or verify_names with a name that its certificate covers, or verify = false`;
  report(errorAt(path, message));
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
  const source = { kind: "file", cert: resolve(directory, cert), key: resolve(directory, key) } as const;
  const certificate = await loadCertificate(source, "backends", path, report);
  const refusal = certificate && contextRefusal(certificateOptions(certificate));
  if (refusal === undefined) return certificate;
  report(errorAt([...path, "cert"], `OpenSSL refuses ${source.cert}: ${refusal}`));
  return undefined;
}
