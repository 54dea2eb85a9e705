import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { HealthPolicy, OutlierSpec } from "../../../model/health.ts";
import type { ConsistentHashSpec, PickerSpec, Pool, PoolTls } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapEndpoints } from "./endpoints.ts";
import { mapCheck } from "./health.ts";
import { mapPoolTls } from "./tls.ts";

/** A `Cluster`. @returns undefined after an error that leaves no pool. */
export async function mapCluster(cluster: Node, mapping: Mapping): Promise<Pool | undefined> {
  const { pool } = mapping.defaults;
  const name = cluster.text("name");
  if (name === "") {
    mapping.report(errorAt(cluster.path, "has no name"));
    return undefined;
  }
  const assignment = assignmentOf(cluster, mapping);
  const transport = await mapTransport(cluster, mapping);
  if (transport === undefined) return undefined;
  checkHttp(cluster, mapping);
  return {
    ...pool,
    name,
    picker: mapPicker(cluster, mapping),
    discovery: {
      type: "static",
      backends: assignment === undefined ? [] : mapEndpoints(assignment, mapping),
    },
    ...transport,
    connect: {
      ...pool.connect,
      timeout: cluster.number("connect_timeout") ?? 5_000,
      ...mapRetryBudget(cluster, mapping),
    },
    health: await mapHealth(cluster, transport.tls, mapping),
    http: {
      ...pool.http,
      idle:
        httpOptions(cluster)?.node("common_http_protocol_options")?.number("idle_timeout") ?? pool.http.idle,
    },
  };
}

/** Types whose endpoints stand in the cluster itself. A host name is looked up, and all of its addresses count. */
const own: ReadonlySet<string> = new Set(["", "STATIC", "STRICT_DNS", "LOGICAL_DNS"]);

function assignmentOf(cluster: Node, mapping: Mapping): Node | undefined {
  const type = cluster.text("type");
  if (type === "EDS") {
    const found = mapping.endpoints(serviceOf(cluster));
    if (found === undefined && !mapping.isDynamic)
      mapping.report(
        errorAt(cluster.at("type"), "there is no control plane that its endpoints could come from"),
      );
    return found;
  }
  if (!own.has(type))
    mapping.report(
      errorAt(
        cluster.at("type"),
        `${type} is not supported; expected STATIC, STRICT_DNS, LOGICAL_DNS or EDS`,
      ),
    );
  if (!cluster.has("load_assignment")) mapping.report(errorAt(cluster.path, "has no load_assignment"));
  if (type === "LOGICAL_DNS")
    mapping.report(warningAt(cluster.at("type"), "all addresses of the name are used, as with STRICT_DNS"));
  return cluster.node("load_assignment");
}

/** The name by which a cluster's endpoints are asked for. */
export const serviceOf = (cluster: Node): string =>
  cluster.node("eds_cluster_config")?.text("service_name") || cluster.text("name");

const optionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The typed options of HTTP. */
function httpOptions(cluster: Node): Node | undefined {
  const options = cluster.map("typed_extension_protocol_options").get(optionsName);
  return options !== undefined && "type" in options ? options : undefined;
}

function checkHttp(cluster: Node, { report }: Mapping): void {
  for (const [name, options] of cluster.map("typed_extension_protocol_options"))
    if (name !== optionsName)
      report(
        warningAt(
          "type" in options ? options.path : options.path,
          `has no effect: only ${optionsName} is known`,
        ),
      );
  const options = httpOptions(cluster);
  const explicit = options?.node("explicit_http_config");
  if (explicit?.has("http2_protocol_options") || cluster.has("http2_protocol_options"))
    report(
      warningAt(
        (explicit ?? cluster).at("http2_protocol_options"),
        "has no effect: backends are asked over HTTP/1.1",
      ),
    );
}

async function mapTransport(
  cluster: Node,
  mapping: Mapping,
): Promise<Pick<Pool, "tls" | "proxyProtocol"> | undefined> {
  const socket = cluster.node("transport_socket");
  let context = socket?.extension("typed_config");
  let proxyProtocol: Pool["proxyProtocol"];
  if (context !== undefined && "type" in context && context.kind === "ProxyProtocolUpstreamTransport") {
    proxyProtocol = context.node("config")?.text("version") === "V2" ? "v2" : "v1";
    context = context.node("transport_socket")?.extension("typed_config");
  }
  if (context === undefined) return { tls: undefined, proxyProtocol };
  if (!("type" in context) || (context.kind !== "UpstreamTlsContext" && context.kind !== "RawBuffer")) {
    const what = "type" in context ? context.type.name : context.url;
    mapping.report(errorAt(context.path, `${what} is no transport socket that umay has for backends`));
    return undefined;
  }
  if (context.kind === "RawBuffer") return { tls: undefined, proxyProtocol };
  const upstream =
    httpOptions(cluster)?.node("upstream_http_protocol_options") ??
    cluster.node("upstream_http_protocol_options");
  const tls = await mapPoolTls(context, upstream?.flag("auto_san_validation") === true, mapping);
  return tls && { tls, proxyProtocol };
}

const pickers: Readonly<Record<string, PickerSpec["type"]>> = {
  "": "round-robin",
  ROUND_ROBIN: "round-robin",
  LEAST_REQUEST: "power-of-two",
  RANDOM: "random",
};

const hashing = (algorithm: ConsistentHashSpec["algorithm"], boundedLoad?: number): PickerSpec => ({
  type: "consistent-hash",
  key: "source-ip",
  algorithm,
  boundedLoad,
});

function mapPicker(cluster: Node, mapping: Mapping): PickerSpec {
  const typed = cluster.node("load_balancing_policy");
  if (typed !== undefined) return mapTypedPicker(typed, mapping);
  const policy = cluster.text("lb_policy");
  if (policy === "RING_HASH") return hashing("ring");
  if (policy === "MAGLEV") return hashing("maglev");
  const type = pickers[policy];
  if (type === undefined) mapping.report(errorAt(cluster.at("lb_policy"), `${policy} is not supported`));
  checkChoices(cluster.node("least_request_lb_config"), mapping);
  return { type: type ?? "round-robin" } as PickerSpec;
}

/** The first policy that umay knows, as Envoy takes it. */
function mapTypedPicker(policies: Node, mapping: Mapping): PickerSpec {
  for (const policy of policies.nodes("policies")) {
    const config = policy.node("typed_extension_config")?.extension("typed_config");
    if (config === undefined || !("type" in config)) continue;
    if (config.kind === "RoundRobin") return { type: "round-robin" };
    if (config.kind === "Random") return { type: "random" };
    if (config.kind === "Maglev") return hashing("maglev");
    if (config.kind === "RingHash") {
      const factor = config.number("hash_balance_factor");
      return hashing("ring", factor === undefined ? undefined : Math.min(100, Math.max(1.1, factor / 100)));
    }
    if (config.kind === "LeastRequest") {
      const whole =
        config.text("selection_method") === "FULL_SCAN" || config.flag("enable_full_scan") === true;
      checkChoices(config, mapping);
      return { type: whole ? "least-connection" : "power-of-two" };
    }
  }
  mapping.report(
    errorAt(
      policies.at("policies"),
      "has no policy that umay knows: round_robin, random, least_request, ring_hash or maglev",
    ),
  );
  return { type: "round-robin" };
}

function checkChoices(config: Node | undefined, { report }: Mapping): void {
  const choices = config?.number("choice_count");
  if (choices !== undefined && choices !== 2)
    report(warningAt(config!.at("choice_count"), "has no effect: two backends are drawn"));
}

/** Thresholds of the default priority. */
function thresholdsOf(cluster: Node): readonly Node[] {
  const breakers = cluster.node("circuit_breakers");
  return (breakers?.nodes("thresholds") ?? []).filter(
    (each) => (each.text("priority") || "DEFAULT") === "DEFAULT",
  );
}

function mapRetryBudget(cluster: Node, { defaults, report }: Mapping): Partial<Pool["connect"]> {
  const breakers = cluster.node("circuit_breakers");
  for (const host of breakers?.nodes("per_host_thresholds") ?? [])
    report(warningAt(host.path, "has no effect: limits of each backend are not mapped yet"));
  for (const thresholds of thresholdsOf(cluster))
    for (const key of ["max_connections", "max_pending_requests", "max_requests"] as const)
      if (thresholds.has(key))
        report(
          warningAt(thresholds.at(key), "has no effect: umay limits each backend, not a cluster as a whole"),
        );
  const [budget] = thresholdsOf(cluster).flatMap((each) => each.node("retry_budget") ?? []);
  if (budget === undefined) return {};
  const { percent, min } = defaults.pool.connect.retryBudget;
  return {
    retryBudget: {
      percent: Math.round(budget.node("budget_percent")?.number("value") ?? percent),
      min: budget.number("min_retry_concurrency") ?? min,
    },
  };
}

async function mapHealth(cluster: Node, tls: PoolTls | undefined, mapping: Mapping): Promise<HealthPolicy> {
  const { health } = mapping.defaults.pool;
  const [first, ...others] = cluster.nodes("health_checks");
  for (const other of others)
    mapping.report(errorAt(other.path, "umay has one health check for each cluster; leave one"));
  const threshold = cluster.node("common_lb_config")?.node("healthy_panic_threshold")?.number("value");
  return {
    ...health,
    check: first && mapCheck(first, tls, mapping),
    outlier: mapOutlier(cluster.node("outlier_detection"), health.outlier),
    panicThreshold: Math.round(threshold ?? 50),
  };
}

function mapOutlier(outlier: Node | undefined, usual: OutlierSpec): OutlierSpec {
  if (outlier === undefined) return { ...usual, enabled: false };
  const base = outlier.number("base_ejection_time") ?? 30_000;
  return {
    ...usual,
    enabled: true,
    consecutiveErrors: outlier.number("consecutive_5xx") ?? 5,
    base,
    max: Math.max(base, outlier.number("max_ejection_time") ?? 300_000),
    maxPercent: outlier.number("max_ejection_percent") ?? 10,
  };
}
