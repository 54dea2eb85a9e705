import { canonicalAddress, formatAddress, type SocketAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { ownAddresses } from "../../../lib/own-addresses.ts";
import { isAbstract } from "../../../lib/socket-file.ts";
import { checkModel } from "../../../model/check/check.ts";
import type { ModelFinding } from "../../../model/check/finding.ts";
import type { Listener } from "../../../model/listener.ts";
import type { Model } from "../../../model/model.ts";
import type { Pool } from "../../../model/pool.ts";
import type { OtlpSettings } from "../../../model/tracing.ts";
import type { ListenerSettings, TlsSettings } from "../schema/listener.ts";
import type { Settings } from "../schema.ts";
import { resolveAccessLog } from "./access-log.ts";
import { checkAcme, resolveAcme } from "./acme.ts";
import { placeAddress } from "./addresses.ts";
import { resolveChains } from "./chains.ts";
import { resolveDiscovery } from "./discovery.ts";
import { tellFinding } from "./findings.ts";
import { resolveHealth } from "./health.ts";
import { versionsOf } from "./http/front.ts";
import { resolveServe } from "./http/listener.ts";
import { resolvePoolHttp, resolveRetryBudget } from "./http/pool.ts";
import { resolveTables } from "./http/tables.ts";
import { resolveKubernetes } from "./kubernetes.ts";
import { resolveLimits } from "./limits.ts";
import { resolveOverload } from "./overload.ts";
import { resolvePoolTls } from "./pool-tls.ts";
import { resolveSocket } from "./socket.ts";
import { resolveTls } from "./tls.ts";
import { usableCpus } from "./workers.ts";
import { resolveXds } from "./xds.ts";

export interface ResolveContext {
  /** Where relative paths start. */
  readonly directory: string;
  /** Every pool in the configuration, those included that validation cut out of the settings. */
  readonly poolNames: readonly string[];
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
}

/** Makes the model: reads certificates and checks keys against each other. */
export async function resolveSettings(
  settings: Settings,
  context: ResolveContext,
): Promise<{ model: Model; findings: Finding[] }> {
  const findings: Finding[] = [];
  const report = (finding: Finding): void => void findings.push(finding);
  const place = (address: SocketAddress, path: Path): SocketAddress =>
    placeAddress(address, path, context.directory, report);

  const resolving = { directory: context.directory, report };
  const { tables, nameOf } = await resolveTables(settings, resolving);
  const admin = settings.admin && {
    bind: place(settings.admin.bind, ["admin", "bind"]),
    remote: settings.admin.remote,
  };
  if (admin?.bind.kind === "unix" && isAbstract(admin.bind.path))
    report(errorAt(["admin", "bind"], "has an abstract name, which every user may connect to; use a path"));
  const acme = await resolveAcme(settings.acme, context.directory, report);
  const listeners = await Promise.all(
    Object.entries(settings.listeners).map(async ([name, listener]): Promise<Listener> => {
      const path = ["listeners", name];
      const { tls, socket } = listener;
      const bind = familyOf(listener, place(listener.bind, [...path, "bind"]), path, report);
      return {
        ...listenerOf(name, listener),
        chains: resolveChains(listener, await resolveServe(name, listener, nameOf.get(name), resolving)),
        bind,
        socket: socket && (await resolveSocket(socket, bind, [...path, "socket"], report)),
        limits: resolveLimits(listener, path, report),
        tls: tls
          ? [await resolveTls(withAlpn(tls, listener), [...path, "tls"], context.directory, acme, report)]
          : [],
      };
    }),
  );
  const pools = await Promise.all(
    Object.entries(settings.pools).map(async ([name, pool]): Promise<Pool> => {
      const { picker, queue, proxy_protocol: proxyProtocol, slow_start: slowStart, removal } = pool;
      const { timeout, attempts, sources } = pool.connect;
      const retryBudget = resolveRetryBudget(pool, ["pools", name], report);
      const connect = { timeout, attempts, retryBudget, ...(sources !== undefined && { sources }) };
      const http = resolvePoolHttp(pool, ["pools", name], report);
      const maxConnectionsPerBackend = pool.max_connections_per_backend || undefined;
      const { directory } = context;
      const path = ["pools", name];
      const discovery = await resolveDiscovery(pool.discovery, [...path, "discovery"], directory, report);
      const tls =
        pool.tls && (await resolvePoolTls(pool.tls, discovery, [...path, "tls"], directory, report));
      const health = await resolveHealth(pool, { discovery, tls, directory }, path, report);
      const most = pool.max_connections === 0 ? {} : { maxConnections: pool.max_connections };
      const limits = { connect, maxConnectionsPerBackend, ...most, queue };
      return { name, picker, http, ...limits, proxyProtocol, slowStart, tls, health, removal, discovery };
    }),
  );

  const { workers, watchdog, log, overload, shutdown } = settings;
  const xds = settings.xds && (await resolveXds(settings.xds, context.directory, report));
  if (xds !== undefined && settings.kubernetes !== undefined)
    report(errorAt(["xds"], "stands beside [kubernetes], and one of them says what is served; remove one"));
  const access = resolveAccessLog(log.access, context.directory, report);
  const kubernetes = resolveKubernetes(settings.kubernetes, context.directory);
  const model: Model = {
    workers: workers === "auto" ? usableCpus() : workers,
    watchdog: watchdog === "off" ? undefined : watchdog,
    log: {
      level: log.level,
      sessions: log.sessions,
      format: log.format ?? (context.terminal ? "pretty" : "json"),
      ...(access !== undefined && { access }),
      ...(settings.otlp !== undefined && { traced: settings.otlp.percent }),
    },
    overload: resolveOverload(overload),
    shutdown,
    admin,
    ...(acme !== undefined && { acme }),
    ...(kubernetes !== undefined && { kubernetes }),
    ...(settings.otlp !== undefined && { otlp: otlpOf(settings.otlp) }),
    ...(xds !== undefined && { xds }),
    listeners,
    pools,
    routeTables: tables,
  };
  for (const [name, listener] of Object.entries(settings.listeners))
    findings.push(...checkMode(name, listener));
  findings.push(...checkAcme(acme, listeners));
  const { poolNames } = context;
  findings.push(
    ...checkModel(model, poolNames, ownAddresses()).flatMap((finding) => {
      const told = tellFinding(finding, poolNames, settings.routes);
      return xds === undefined ? told : besideXds(finding, told);
    }),
  );
  return { model, findings };
}

/** A control plane may send pools that this file leads to, and lead to pools that this file has. */
function besideXds({ kind }: ModelFinding, told: Finding): readonly Finding[] {
  if (kind === "unused_pool") return [];
  if (kind !== "unknown_pool") return [told];
  const message = `${told.message.split(";")[0]}; the control plane of [xds] has to send a cluster of that name`;
  return [{ ...told, severity: "warning", message }];
}

function familyOf(
  { v6_only: v6Only }: ListenerSettings,
  bind: SocketAddress,
  path: Path,
  report: (finding: Finding) => void,
): SocketAddress {
  if (!v6Only) return bind;
  if (bind.kind === "tcp" && formatAddress(canonicalAddress(bind)) === `[::]:${bind.port}`)
    return { ...bind, v6Only };
  const message = `says something about every IPv6 address, and bind is ${formatAddress(bind)}; remove it, or bind [::]`;
  report(errorAt([...path, "v6_only"], message));
  return bind;
}

const otlpOf = (table: NonNullable<Settings["otlp"]>): OtlpSettings => ({
  traces: `${table.endpoint}/v1/traces`,
  metrics: `${table.endpoint}/v1/metrics`,
  headers: table.headers,
  serviceName: table.service_name,
  interval: table.metrics_interval,
});

/** Keys of a listener that say opposite things, of which the model can have only one. */
function checkMode(name: string, { mode, tls, detect, routes }: ListenerSettings): readonly Finding[] {
  const passes = routes.some(({ passthrough }) => passthrough);
  if (tls?.starttls !== undefined && (detect || passes || mode === "http")) {
    const what = detect
      ? "detect does not wait for it"
      : passes
        ? "what is passed through begins with TLS"
        : "HTTP begins with TLS";
    const message = `a protocol that begins in the clear needs a listener of its own: ${what}; remove one of them`;
    return [errorAt(["listeners", name, "tls", "starttls"], message)];
  }
  if (tls?.starttls_plain !== undefined && tls.starttls === undefined)
    return [
      errorAt(
        ["listeners", name, "tls", "starttls_plain"],
        "needs starttls, whose protocol begins in the clear",
      ),
    ];
  if (mode !== "passthrough" || tls === undefined) return [];
  const message = 'mode = "passthrough" does not terminate TLS; remove this table, or the mode';
  return [errorAt(["listeners", name, "tls"], message)];
}

/** Clients that speak HTTP negotiate it, beside what routes look for. */
function withAlpn(tls: TlsSettings, listener: ListenerSettings): TlsSettings {
  if (listener.mode !== "http") return tls;
  const spoken = versionsOf(listener).map((version) => (version === "2" ? "h2" : "http/1.1"));
  return { ...tls, alpn: [...tls.alpn, ...spoken.filter((protocol) => !tls.alpn.includes(protocol))] };
}

function listenerOf(
  name: string,
  settings: ListenerSettings,
): Omit<Listener, "bind" | "chains" | "socket" | "tls" | "limits"> {
  const { detect, proxy_protocol: proxyProtocol, max_connections: maxConnections, timeouts } = settings;
  const introduced = proxyProtocol && {
    trust: proxyProtocol.trust.map(({ cidr }) => cidr),
    timeout: proxyProtocol.timeout,
  };
  return {
    name,
    detect,
    proxyProtocol: introduced,
    maxConnections,
    timeouts: { handshake: timeouts.handshake },
  };
}
