import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import type { CheckSpec, HealthPolicy, OutlierSpec } from "../../../model/health.ts";
import type { DiscoverySpec, PoolTls } from "../../../model/pool.ts";
import type { PoolSettings } from "../schema/pool.ts";
import { serviceName } from "./discovery.ts";
import { resolvePoolTls } from "./pool-tls.ts";

type Check = NonNullable<PoolSettings["health"]>;
type Report = (finding: Finding) => void;

/** The context of a pool's health, besides its own settings. */
export interface HealthContext {
  readonly discovery: DiscoverySpec;
  readonly tls: PoolTls | undefined;
  /** Where relative paths start. */
  readonly directory: string;
}

/** Fills in the settings that checks take over from their pool. @param path of the pool. */
export async function resolveHealth(
  settings: PoolSettings,
  context: HealthContext,
  path: Path,
  report: Report,
): Promise<HealthPolicy> {
  const { health, outlier, panic_threshold: panicThreshold } = settings;
  const { base, max, max_percent: maxPercent } = outlier.ejection;
  if (base > max)
    report(errorAt([...path, "outlier", "ejection"], "base is longer than max; raise max or lower base"));
  const {
    enabled,
    consecutive_errors: consecutiveErrors,
    success_rate: rate,
    failure_rate: failures,
  } = outlier;
  const successRate = rate.enabled
    ? { minBackends: rate.min_backends, minRequests: rate.min_requests, deviations: rate.deviations }
    : undefined;
  return {
    check: health && (await checkOf(health, settings, context, [...path, "health"], report)),
    outlier: { enabled, consecutiveErrors, base, max, maxPercent, successRate, ...failureRateOf(failures) },
    panicThreshold,
  };
}

async function checkOf(
  health: Check,
  pool: Pick<PoolSettings, "http" | "proxy_protocol" | "connect">,
  context: HealthContext,
  path: Path,
  report: Report,
): Promise<CheckSpec> {
  const { interval, timeout, rise, fall, address, port } = health;
  // Another address or port is not the one that sessions use.
  const elsewhere = address !== undefined || port !== undefined;
  const proxyProtocol = elsewhere ? undefined : pool.proxy_protocol;
  const { sources } = pool.connect;
  const from = sources !== undefined && { sources };
  const common = { interval, timeout, rise, fall, address, port, proxyProtocol, ...from };
  if (health.type === "tcp") {
    const { send, expect } = health;
    if (send !== undefined && expect === undefined)
      report(errorAt([...path, "send"], "nothing is expected as the answer; add expect"));
    return { type: "tcp", ...common, ...(send && { send }), ...(expect && { expect }) };
  }
  if (health.type === "mysql") return { type: "mysql", ...common, user: health.user };
  const { discovery, directory } = context;
  const inherited = elsewhere ? undefined : context.tls;
  const own = health.tls ?? (health.type === "tls" && inherited === undefined ? { verify: true } : undefined);
  const tls = own
    ? await resolvePoolTls({ ...own, alpn: [] }, discovery, [...path, "tls"], directory, report)
    : inherited;
  if (health.type === "tls") return { type: "tls", ...common, tls: tls! };
  if (health.type === "postgres") return { type: "postgres", ...common, tls, user: health.user };
  if (health.type === "redis" || health.type === "smtp") return { type: health.type, ...common, tls };
  const host = health.host ?? tls?.serverName ?? serviceName(discovery);
  if (health.type === "grpc") return { type: "grpc", ...common, tls, host, service: health.service };
  const { method, expect_status: expectStatus, expect_body: expectBody } = health;
  if (method === "HEAD" && expectBody !== undefined)
    report(
      errorAt([...path, "expect_body"], 'an answer to HEAD has no body; use method = "GET" or remove this'),
    );
  const { version: spoken } = pool.http;
  // A server at another port need not be the one of clients; one that speaks as its clients do speaks both versions.
  const version = elsewhere || spoken === "client" ? "1.1" : spoken;
  return { type: "http", ...common, version, tls, host, method, path: health.path, expectStatus, expectBody };
}

/** In the words of the model. */
const failureRateOf = (
  settings: PoolSettings["outlier"]["failure_rate"],
): Partial<Pick<OutlierSpec, "failureRate">> =>
  settings === undefined
    ? {}
    : {
        failureRate: {
          percent: settings.percent,
          minBackends: settings.min_backends,
          minRequests: settings.min_requests,
        },
      };
