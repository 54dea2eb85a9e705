import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { CheckSpec, HealthPolicy } from "../../../model/health.ts";
import type { PoolHttp } from "../../../model/http/backend.ts";
import type { Pool, StaticDiscovery } from "../../../model/pool.ts";
import { type Transports, transportsOf } from "../../../model/transport.ts";
import type { Node } from "../node.ts";
import { mapBreakers } from "./breakers.ts";
import { httpOptions, httpOptionsName } from "./cluster-options.ts";
import type { Mapping } from "./context.ts";
import { mapDestination } from "./destination.ts";
import { mapEndpoints, overprovisioningOf } from "./endpoints.ts";
import { mapChecks } from "./health.ts";
import { mapOutlier } from "./outlier.ts";
import { mapPicker } from "./picker.ts";
import { mapSources } from "./sockets.ts";
import { localitiesWithin, mapSubsets } from "./subsets.ts";
import { mapTransports } from "./transport.ts";

/** A `Cluster`. @returns undefined after an error that leaves no pool. */
export async function mapCluster(cluster: Node, mapping: Mapping): Promise<Pool | undefined> {
  const { pool } = mapping.defaults;
  const name = cluster.text("name");
  if (name === "") {
    mapping.report(errorAt(cluster.path, "has no name"));
    return undefined;
  }
  const assignment = assignmentOf(cluster, mapping);
  const transports = await mapTransports(cluster, mapping);
  if (transports === undefined) return undefined;
  const { picker, backendFields, parts, slowStart = pool.slowStart, ...picked } = mapPicker(cluster, mapping);
  const destination = mapDestination(cluster, mapping);
  const subsets = mapSubsets(parts, mapping);
  const localities = subsets === undefined ? picked.localities : localitiesWithin(parts, picked.localities);
  const http = mapHttp(cluster, mapping);
  if (
    http.version === "2" &&
    transportsOf(transports).some(({ proxyProtocol }) => proxyProtocol !== undefined)
  )
    mapping.report(
      errorAt(
        cluster.path,
        "has a PROXY header, which is of one client, and HTTP/2, over which clients share connections; leave HTTP/2",
      ),
    );
  const sources = mapSources(cluster.node("upstream_bind_config") ?? mapping.bind, mapping);
  const { retryBudget, ...limits } = mapBreakers(cluster, http.version === "2", mapping);
  const backends = assignment === undefined ? [] : mapEndpoints(assignment, mapping);
  const eds = cluster.text("type") === "EDS";
  const factor = eds
    ? mapping.endpoints(serviceOf(cluster))?.overprovisioning
    : assignment && overprovisioningOf(assignment);
  return {
    ...pool,
    name,
    picker,
    slowStart,
    discovery: eds
      ? { type: "endpoints", service: serviceOf(cluster), port: "" }
      : { type: "static", backends, ...everyAddress(cluster) },
    overprovisioning: factor ?? usualFactor,
    ...(localities !== undefined && { localities }),
    ...(subsets !== undefined && { subsets }),
    ...(destination !== undefined && { destination }),
    ...transports,
    ...limits,
    connect: {
      ...pool.connect,
      timeout: cluster.number("connect_timeout") ?? 5_000,
      retryBudget,
      ...keepAliveOf(cluster, mapping),
      ...sources,
    },
    health: mapHealth(cluster, transports, sources, mapping),
    http: { ...http, ...(backendFields !== undefined && { backendFields }) },
  };
}

/** The most that Linux takes, in seconds. */
const mostKeepAlive = 32_767;

/** After how long an idle connection is probed. */
function keepAliveOf(cluster: Node, { report }: Mapping): Pick<Pool["connect"], "keepAlive"> {
  const options = cluster.node("upstream_connection_options")?.node("tcp_keepalive");
  const seconds = options?.number("keepalive_time");
  if (seconds === undefined) return {};
  if (seconds < 1 || seconds > mostKeepAlive)
    report(errorAt(options!.at("keepalive_time"), `expected 1 to ${mostKeepAlive} seconds`));
  return { keepAlive: seconds * 1_000 };
}

/** In percent, of Envoy. */
const usualFactor = 140;

/** Types whose endpoints stand in the cluster itself. */
const own: ReadonlySet<string> = new Set(["", "STATIC", "STRICT_DNS", "LOGICAL_DNS"]);

function assignmentOf(cluster: Node, mapping: Mapping): Node | undefined {
  const type = cluster.text("type");
  if (type === "EDS") {
    if (!mapping.isDynamic)
      mapping.report(
        errorAt(cluster.at("type"), "there is no control plane that its endpoints could come from"),
      );
    return undefined;
  }
  if (type === "ORIGINAL_DST") return undefined;
  if (!own.has(type))
    mapping.report(
      errorAt(
        cluster.at("type"),
        `${type} is not supported; expected STATIC, STRICT_DNS, LOGICAL_DNS, EDS or ORIGINAL_DST`,
      ),
    );
  else if (!cluster.has("load_assignment")) mapping.report(errorAt(cluster.path, "has no load_assignment"));
  return cluster.node("load_assignment");
}

/** The name by which a cluster's endpoints are asked for. */
export const serviceOf = (cluster: Node): string =>
  cluster.node("eds_cluster_config")?.text("service_name") || cluster.text("name");

const families: Readonly<Record<string, NonNullable<StaticDiscovery["everyAddress"]>>> = {
  "": "v6-first",
  AUTO: "v6-first",
  V4_ONLY: "v4",
  V6_ONLY: "v6",
  V4_PREFERRED: "v4-first",
  ALL: "all",
};

/** With `STRICT_DNS` each address of a name is an endpoint, with `LOGICAL_DNS` the name is. */
const everyAddress = (cluster: Node): Pick<StaticDiscovery, "everyAddress"> =>
  cluster.text("type") === "STRICT_DNS" ? { everyAddress: families[cluster.text("dns_lookup_family")]! } : {};

function mapHttp(cluster: Node, { defaults, report }: Mapping): PoolHttp {
  const { http } = defaults.pool;
  for (const [name, options] of cluster.map("typed_extension_protocol_options"))
    if (name !== httpOptionsName)
      report(warningAt(options.path, `has no effect: only ${httpOptionsName} is known`));
  const options = httpOptions(cluster);
  const common =
    options?.node("common_http_protocol_options") ?? cluster.node("common_http_protocol_options");
  const idle = common?.number("idle_timeout");
  return {
    ...http,
    version: versionOf(cluster, options),
    idle: idle ?? http.idle,
    sharedIdle: idle ?? http.sharedIdle,
  };
}

/** HTTP/1.1 unless something else is said. */
function versionOf(cluster: Node, options: Node | undefined): PoolHttp["version"] {
  const explicit = options?.node("explicit_http_config");
  if (explicit?.has("http2_protocol_options")) return "2";
  if (options?.has("auto_config")) return "auto";
  if (options?.has("use_downstream_protocol_config")) return "client";
  return options === undefined && cluster.has("http2_protocol_options") ? "2" : "1.1";
}

function mapHealth(
  cluster: Node,
  transports: Transports,
  sources: Pick<CheckSpec, "sources"> | undefined,
  mapping: Mapping,
): HealthPolicy {
  const { health } = mapping.defaults.pool;
  const [first, ...others] = cluster.nodes("health_checks");
  for (const other of others)
    mapping.report(errorAt(other.path, "a cluster has one health check, as in Envoy; leave one"));
  const threshold = cluster.node("common_lb_config")?.node("healthy_panic_threshold")?.number("value");
  return {
    ...health,
    ...(first === undefined ? { check: undefined } : mapChecks(first, transports, sources, mapping)),
    outlier: mapOutlier(cluster.node("outlier_detection"), health.outlier, mapping),
    panicThreshold: Math.round(threshold ?? 50),
  };
}
