import { formatAddress } from "../../../lib/address.ts";
import type { CheckSpec, FailureRateSpec, SuccessRateSpec } from "../../../model/health.ts";
import type { Pool, PoolTls } from "../../../model/pool.ts";
import { duration, list, table, type Writing } from "./context.ts";
import { certificateOf } from "./listener.ts";

export function writePool(pool: Pool, writing: Writing): object {
  const { name, picker, discovery, connect, health, tls, proxyProtocol, http } = pool;
  const { maxConnections, maxConnectionsPerBackend, queue } = pool;
  const { outlier } = health;
  if (http.backendFields !== undefined)
    writing.omit(`pool ${name}: the field ${http.backendFields.join(" or ")} names the backend`);
  if (pool.localities !== undefined) writing.omit(`pool ${name}: localities of backends count`);
  const few = discovery.type === "static" && discovery.backends.length * outlier.maxPercent < 100;
  if (outlier.enabled && outlier.oneAtLeast === false && outlier.maxPercent > 0 && few)
    writing.omit(`pool ${name}: max_percent of its backends is less than one, and here one may be ejected`);
  if ([outlier, outlier.successRate, outlier.failureRate].some((spec) => spec?.chance !== undefined))
    writing.omit(`pool ${name}: a part of the ejections is carried out, here all are`);
  if (pool.destination !== undefined) writing.omit(`pool ${name}: clients say which backend they go to`);
  if (connect.keepAlive !== undefined)
    writing.omit(`pool ${name}: idle connections are probed after ${duration(connect.keepAlive)}`);
  if (pool.transports !== undefined)
    writing.omit(`pool ${name}: backends with certain labels are connected in another way`);
  if (pool.subsets !== undefined) writing.omit(`pool ${name}: routes may ask for a part of it`);
  return table({
    picker: Object.keys(picker).length === 1 ? picker.type : writePicker(picker),
    proxy_protocol: proxyProtocol,
    connect: table({ timeout: duration(connect.timeout), sources: connect.sources }),
    max_connections: maxConnections,
    max_connections_per_backend: maxConnectionsPerBackend,
    queue: maxConnections === undefined ? undefined : { size: queue.size, timeout: duration(queue.timeout) },
    retry_budget: connect.retryBudget,
    http: { version: http.version === "1.1" ? undefined : http.version, idle: duration(http.idle) },
    panic_threshold: health.panicThreshold,
    health: health.check && writeCheck(health.check, name, writing),
    outlier: outlier.enabled
      ? {
          consecutive_errors: Math.min(10_000, outlier.consecutiveErrors),
          success_rate: outlier.successRate === undefined ? { enabled: false } : ratesOf(outlier.successRate),
          failure_rate: outlier.failureRate && ratesOf(outlier.failureRate),
          ejection: {
            base: duration(outlier.base),
            max: duration(outlier.max),
            max_percent: outlier.maxPercent,
          },
        }
      : { enabled: false },
    tls: tls && writeTls(tls, name, writing),
    discovery: writeDiscovery(discovery, name, writing),
  })!;
}

/** Names of keys have underscores. */
const ratesOf = (spec: SuccessRateSpec | FailureRateSpec): object => {
  const { minBackends, minRequests, chance: _chance, ...rest } = spec;
  return { min_backends: Math.max(2, minBackends), min_requests: Math.max(1, minRequests), ...rest };
};

function writePicker(picker: Pool["picker"]): object {
  if (!("key" in picker)) return { ...picker };
  return table({
    type: picker.type,
    key: picker.key,
    algorithm: picker.algorithm,
    bounded_load: picker.boundedLoad,
  })!;
}

function writeDiscovery(discovery: Pool["discovery"], pool: string, writing: Writing): object {
  if (discovery.type !== "static") {
    writing.omit(`pool ${pool}: its backends come from elsewhere`);
    return { type: "static", backends: [] };
  }
  const fit = discovery.backends.filter(({ unfit }) => unfit !== true);
  if (fit.length === 0) writing.omit(`pool ${pool} has no backends, and TOML wants one`);
  const isSpread = new Set(fit.map(({ tier }) => tier)).size > 1;
  if (isSpread) writing.omit(`pool ${pool}: a priority takes all while one of its backends is up`);
  if (discovery.everyAddress !== undefined)
    writing.omit(`pool ${pool}: a host name is one backend here, with all of its addresses`);
  const backends = fit.map(({ target, weight, tier }) => {
    if (tier > 1) writing.omit(`pool ${pool}: priorities above 1 count as 1 here`);
    const address = formatAddress(target);
    if (weight === 1 && tier === 0) return address;
    return table({
      address,
      weight: weight === 1 ? undefined : weight,
      backup: tier > 0 ? true : undefined,
    })!;
  });
  return { type: "static", backends };
}

function writeTls(
  { verify, ca, serverName, names, pins, certificate, alpn }: PoolTls,
  pool: string,
  writing: Writing,
): object {
  if (ca?.source.given !== undefined)
    writing.omit(`pool ${pool}: ${ca.source.file} stood in the configuration itself; write it to a file`);
  const own = certificate && certificateOf(certificate, `pool ${pool}`, writing);
  return table({
    verify: verify ? undefined : false,
    ca: ca?.source.file,
    server_name: serverName,
    verify_names: names && list(names.map((each) => (each.kind === "uri" ? each.uri : each.host))),
    pins,
    cert: own?.cert,
    key: own?.key,
    alpn: list(alpn),
  })!;
}

function writeCheck(check: CheckSpec, pool: string, writing: Writing): object | undefined {
  const { type, interval, timeout, rise, fall, port } = check;
  const common = { type, interval: duration(interval), timeout: duration(timeout), rise, fall, port };
  switch (check.type) {
    case "http": {
      const status = check.expectStatus.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
      return table({
        ...common,
        method: check.method,
        path: check.path,
        host: check.host,
        expect_status: status,
      });
    }
    case "grpc":
      return table({ ...common, service: check.service || undefined, host: check.host });
    case "tcp":
      return table({ ...common, send: check.send, expect: check.expect });
    case "tls":
      return table(common);
    default:
      writing.omit(`pool ${pool}: its health check`);
      return undefined;
  }
}
