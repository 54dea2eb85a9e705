import { formatAddress } from "../lib/address.ts";
import { formatCidr } from "../lib/cidr.ts";
import { describeChainMatch, isForPassthrough, modeOf, rulesOf, type Serve } from "../model/chain.ts";
import { servesOf } from "../model/check/http/routes.ts";
import type { ClientAuth, ClientRule } from "../model/client-auth.ts";
import { describeAction } from "../model/http/words.ts";
import type { Listener, ListenerTls } from "../model/listener.ts";
import type { Certificate } from "../model/material.ts";
import type { Model } from "../model/model.ts";
import {
  type BackendName,
  type DiscoverySpec,
  describePicker,
  type Pool,
  type PoolTls,
} from "../model/pool.ts";
import type { XdsSettings } from "../model/xds.ts";
import { type RouteTableSummary, routeLines, summariseRoutes } from "./summary-routes.ts";

/** The listeners and pools of a configuration, as `umay check` shows them, with the names of the configuration. */
export interface Summary {
  readonly workers: number;
  readonly admin: string | null;
  /** The control plane that says what else is served; null: none. */
  readonly xds: XdsSummary | null;
  readonly listeners: readonly ListenerSummary[];
  readonly pools: readonly PoolSummary[];
  /** The rules of http listeners, by table. */
  readonly routes: readonly RouteTableSummary[];
}

interface XdsSummary {
  readonly servers: readonly string[];
  readonly protocol: string;
  readonly tls: string | null;
  /** By which the control plane knows this umay. */
  readonly node: { readonly id: string; readonly cluster: string };
  readonly cache_file: string | null;
}

interface ListenerSummary {
  readonly name: string;
  readonly bind: string;
  readonly mode: string;
  /** The routes that are asked before, in their order. */
  readonly rules: readonly { readonly match: string; readonly to: string; readonly passthrough: boolean }[];
  /** Where everything goes that no route takes; null: nowhere, it is answered by umay. */
  readonly pool: string | null;
  /** The redirect that such requests get instead, in words; null: none. */
  readonly redirect: string | null;
  /** The name of the table in which it finds the routes of requests; null: it does not speak HTTP. */
  readonly routes: string | null;
  /** Null: plain TCP. Of several TLS settings the first. */
  readonly tls: TlsSummary | null;
  /** Further TLS settings, by their names. */
  readonly more_tls?: readonly (TlsSummary & { readonly name: string })[];
}

interface TlsSummary {
  readonly versions: string;
  readonly certificates: readonly CertificateSummary[];
  /** Names whose certificates umay gets itself, and that are not there yet. */
  readonly awaited: readonly string[];
  /** Null: clients are not asked for a certificate. */
  readonly client_auth: ClientAuthSummary | null;
}

interface CertificateSummary {
  readonly cert: string;
  readonly subject: string;
  readonly names: readonly string[];
  /** ISO 8601. */
  readonly not_after: string;
}

interface ClientAuthSummary {
  readonly mode: string;
  /** Null: only keys count, which rules pin. */
  readonly ca: string | null;
  readonly authorities: readonly { readonly subject: string; readonly not_after: string }[];
  /** Null: revocation is not checked. */
  readonly crl: { readonly file: string; readonly next_update: string | null } | null;
  /** Null when every certificate of the CAs is let in. */
  readonly allow: readonly string[] | null;
}

interface PoolSummary {
  readonly name: string;
  readonly picker: string;
  readonly discovery: string;
  /** The configured addresses, or the name and port to look up, or the file that lists them. */
  readonly backends: readonly string[];
  /** How TLS to the backends is verified, in words; null for plain TCP. */
  readonly tls: string | null;
  /** The certificate for backends that ask for one; null for none. */
  readonly certificate: CertificateSummary | null;
}

export function summarise(model: Model): Summary {
  return {
    workers: model.workers,
    admin: model.admin === undefined ? null : formatAddress(model.admin.bind),
    xds: model.xds === undefined ? null : xdsSummary(model.xds),
    listeners: model.listeners.map(listenerSummary),
    pools: model.pools.map(poolSummary),
    routes: summariseRoutes(model),
  };
}

function xdsSummary({ servers, protocol, tls, node, cache }: XdsSettings): XdsSummary {
  return {
    servers: servers.map(({ target }) => formatAddress(target)),
    protocol,
    tls: tls === undefined ? null : poolTlsText(tls),
    node: { id: node.id, cluster: node.cluster },
    cache_file: cache?.file ?? null,
  };
}

function listenerSummary({ name, bind, chains, tls, detect }: Listener): ListenerSummary {
  const rules = rulesOf(chains);
  const mode = modeOf(rules);
  const [first, ...others] = tls;
  const more_tls = others.map((settings) => ({ name: settings.name, ...tlsSummary(settings) }));
  return {
    name,
    bind: formatAddress(bind),
    mode,
    rules: rules.slice(0, -1).map((rule) => ({
      match: describeChainMatch(rule.chains[0].match),
      to: poolOf(rule.chains[0].serve) ?? "",
      passthrough: isForPassthrough(rule, mode, detect),
    })),
    pool: poolOf(chains.at(-1)!.serve),
    redirect: redirectOf(chains.at(-1)!.serve),
    routes: servesOf({ chains })[0]?.routes ?? null,
    tls: first === undefined ? null : tlsSummary(first),
    ...(more_tls.length > 0 && { more_tls }),
  };
}

function tlsSummary(tls: ListenerTls): TlsSummary {
  const { minVersion, maxVersion, certificates, clientAuth } = tls;
  return {
    versions: [...new Set([minVersion, maxVersion])].join(" to "),
    certificates: certificates.map(certificateSummary),
    awaited: awaitedNames(tls),
    client_auth: clientAuth === undefined ? null : clientAuthSummary(clientAuth),
  };
}

function awaitedNames({ certificates, acme }: ListenerTls): readonly string[] {
  const there = new Set(certificates.map(({ source }) => source.cert));
  return (acme?.certificates ?? [])
    .filter(({ source }) => !there.has(source.cert))
    .map(({ names }) => names.join(", "));
}

function poolOf(serve: Serve): string | null {
  if (serve.kind === "refuse") return null;
  if (serve.kind === "relay") return serve.to.map(({ pool }) => pool).join(", ");
  const action = serve.fallback?.action;
  return action?.kind === "pools" ? action.to.map(({ pool }) => pool).join(", ") : null;
}

function redirectOf(serve: Serve): string | null {
  const action = serve.kind === "http" ? serve.fallback?.action : undefined;
  return action?.kind === "redirect" ? describeAction(action) : null;
}

function certificateSummary({ source, subject, names, notAfter }: Certificate): CertificateSummary {
  return { cert: source.cert, subject, names, not_after: isoTime(notAfter) };
}

function clientAuthSummary(auth: ClientAuth): ClientAuthSummary {
  const { mode, ca, crl, allow } = auth;
  const nextUpdate = crl?.nextUpdate;
  return {
    mode,
    ca: ca?.source.file ?? null,
    authorities: (ca?.members ?? []).map(({ subject, notAfter }) => ({
      subject,
      not_after: isoTime(notAfter),
    })),
    crl:
      crl === undefined
        ? null
        : { file: crl.source.file, next_update: nextUpdate === undefined ? null : isoTime(nextUpdate) },
    allow: allow?.map(ruleText) ?? null,
  };
}

/** The rule as the configuration writes it. */
function ruleText(rule: ClientRule): string {
  switch (rule.kind) {
    case "spiffe":
      return rule.id;
    case "dns":
      return `dns:${rule.name}`;
    case "ip":
      return `ip:${formatCidr(rule.range)}`;
    case "subject":
      return `subject:${rule.attributes.map((attribute) => attribute.replaceAll(/[\\,+]/g, "\\$&")).join(",")}`;
    case "sha256":
      return `sha256:${rule.pin}`;
  }
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

function poolSummary({ name, picker, discovery, tls }: Pool): PoolSummary {
  return {
    name,
    picker: describePicker(picker),
    discovery: discovery.type,
    backends: backendTexts(discovery),
    tls: tls === undefined ? null : poolTlsText(tls),
    certificate: tls?.certificate === undefined ? null : certificateSummary(tls.certificate),
  };
}

function poolTlsText({ verify, serverName, names, pins, ca }: PoolTls): string {
  if (!verify) return pins === undefined ? "TLS, not verified" : "TLS, verified by key alone";
  const name = names?.map(nameText).join(" or ") ?? serverName ?? "each backend's host name or address";
  return `TLS, verified as ${name} by ${ca?.source.file ?? "the system's CAs"}${pins === undefined ? "" : " and by key"}`;
}

const nameText = (name: BackendName): string => (name.kind === "uri" ? name.uri : name.host);

function backendTexts(discovery: DiscoverySpec): string[] {
  if (discovery.type === "dns") {
    const servers = discovery.nameservers.length === 0 ? "" : ` at ${discovery.nameservers.join(", ")}`;
    const port = discovery.port === undefined ? "" : `, port ${discovery.port}`;
    return [`${discovery.name} (${discovery.record}${servers})${port}`];
  }
  if (discovery.type === "file") return [`those in ${discovery.path}`];
  if (discovery.type === "endpoints")
    return [`those of Service ${discovery.service}${discovery.port && `, port ${discovery.port}`}`];
  return discovery.backends.map(({ address, weight, tier }) => {
    const marks = [weight === 1 ? "" : `weight ${weight}`, tier === 0 ? "" : "backup"].filter(
      (mark) => mark !== "",
    );
    return marks.length === 0 ? address : `${address} (${marks.join(", ")})`;
  });
}

const dayMs = 86_400_000;

function validity(notAfter: string, now: number): string {
  return `valid until ${notAfter.slice(0, 10)} (${Math.floor((Date.parse(notAfter) - now) / dayMs)} days)`;
}

function clientAuthLines({ mode, ca, authorities, crl, allow }: ClientAuthSummary, now: number): string[] {
  const asked = mode === "require" ? "must have" : "may have";
  const rules = (allow ?? []).map((rule) => `        ${rule}`);
  if (ca === null)
    return [`    clients ${asked} a certificate with one of these keys, whoever signed it:`, ...rules];
  return [
    `    clients ${asked} a certificate of ${ca}`,
    ...authorities.map(({ subject, not_after }) => `      ${subject}, ${validity(not_after, now)}`),
    crl === null
      ? "      revocation is not checked"
      : `      not revoked by ${crl.file}, ${crl.next_update === null ? "valid for ever" : validity(crl.next_update, now)}`,
    allow === null ? "      everyone with such a certificate may come in" : "      only these may come in:",
    ...rules,
  ];
}

const xdsLines = ({ servers, protocol, tls, node, cache_file }: XdsSummary): string[] => [
  `  control plane ${servers.join(", ")}: ${protocol}, ${tls ?? "no TLS"}, as ${node.id} of ${node.cluster}`,
  "    says what else is served; this is what the file has",
  ...(cache_file === null ? [] : [`    its last good state is kept in ${cache_file}`]),
];

function whereTo({ mode, pool, redirect, routes }: ListenerSummary): string {
  if (pool === null && routes === null) return "else refused";
  const otherwise = pool === null ? redirect : `pool ${pool}`;
  if (otherwise === null) return "to routes";
  return `to ${mode === "http" ? "routes, else " : ""}${otherwise}`;
}

/** A few indented lines for people. */
export function formatSummary(summary: Summary, now: number = Date.now()): string {
  const lines = [`  workers  ${summary.workers}`, `  admin    ${summary.admin ?? "none"}`];
  if (summary.xds !== null) lines.push(...xdsLines(summary.xds));
  for (const listener of summary.listeners) {
    const { name, bind, mode, rules, tls, more_tls } = listener;
    lines.push(`  listener ${name}: ${mode} on ${bind}, ${tls?.versions ?? "no TLS"}, ${whereTo(listener)}`);
    for (const { match, to, passthrough } of rules)
      lines.push(
        `    route ${match}: ${to === "" ? "refused" : `to pool ${to}`}${passthrough ? ", TLS passed through" : ""}`,
      );
    for (const settings of [...(tls === null ? [] : [tls]), ...(more_tls ?? [])]) {
      for (const { cert, subject, names, not_after } of settings.certificates) {
        lines.push(`    certificate ${cert} for ${names.join(", ") || subject}`);
        lines.push(`      ${validity(not_after, now)}`);
      }
      for (const name of settings.awaited)
        lines.push(`    certificate for ${name}: none yet, it is ordered over ACME`);
      if (settings.client_auth) lines.push(...clientAuthLines(settings.client_auth, now));
    }
  }
  lines.push(...summary.routes.flatMap(routeLines));
  for (const { name, picker, discovery, backends, tls, certificate } of summary.pools) {
    lines.push(`  pool ${name}: ${picker}, ${discovery} discovery${tls === null ? "" : `, ${tls}`}`);
    if (certificate !== null) {
      lines.push(`    shows backends ${certificate.cert} of ${certificate.subject}`);
      lines.push(`      ${validity(certificate.not_after, now)}`);
    }
    for (const backend of backends) lines.push(`    ${backend}`);
  }
  return `${lines.join("\n")}\n`;
}
