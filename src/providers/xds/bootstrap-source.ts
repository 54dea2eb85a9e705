import { resolve } from "node:path";
import { errorAt, type Finding } from "../../lib/findings.ts";
import type { Backend } from "../../model/backend.ts";
import type { PoolTls } from "../../model/pool.ts";
import { transportOf } from "../../model/transport.ts";
import type { XdsNode } from "../../model/xds.ts";
import { mapCluster } from "../envoy/map/clusters.ts";
import type { Mapping } from "../envoy/map/context.ts";
import type { Node } from "../envoy/node.ts";
import type { ProviderLogger } from "../provider.ts";
import { CacheFile } from "./cache.ts";
import type { ControlPlaneAddress } from "./client.ts";
import { Driven } from "./driven.ts";
import type { EndpointBoard } from "./endpoints.ts";
import { type Origin, originOf, protocolOf } from "./origins.ts";
import { serverAt } from "./servers.ts";
import { type SourceOptions, XdsSource } from "./source.ts";

/** How long a start waits for the first complete set, in milliseconds; Envoy's initial_fetch_timeout. */
const initialTimeout = 15_000;

/**
 * Finds the control planes of a bootstrap file, and the files that it names. Nobody is asked yet.
 * @param bootstrap the file, which has `dynamic_resources`. @param mapping of it.
 * @returns undefined after an error.
 */
export async function drivenBy(
  bootstrap: Node,
  mapping: Mapping,
  board: EndpointBoard,
  logger: ProviderLogger,
): Promise<Driven | undefined> {
  const dynamic = bootstrap.node("dynamic_resources")!;
  let failed = false;
  const report = (finding: Finding): void => {
    failed ||= finding.severity === "error";
    mapping.report(finding);
  };
  const surroundings = { own: undefined, directory: mapping.directory, report };
  const rootOf = (field: string): Origin | undefined => {
    const source = dynamic.node(field);
    return source && originOf(source, surroundings);
  };
  const roots = { cluster: rootOf("cds_config"), listener: rootOf("lds_config") };
  const staticServers = await serversOfClusters(bootstrap, mapping);
  const serversOf: SourceOptions["serversOf"] = (clusters, authority) =>
    clusters.flatMap((name) => staticServers.get(name)?.(authority) ?? []);
  const config = dynamic.node("ads_config");
  const services = (config?.nodes("grpc_services") ?? []).flatMap((each) => each.node("envoy_grpc") ?? []);
  const servers = services.flatMap((each) => serversOf([each.text("cluster_name")], each.text("authority")));
  const node = nodeOf(bootstrap.node("node"));
  const streams = [roots.cluster, roots.listener].filter((origin) => origin?.type === "stream");
  if (
    (config !== undefined && servers.length === 0) ||
    (config === undefined && Object.values(roots).some((origin) => origin?.type === "ads"))
  )
    report(
      errorAt(
        dynamic.path,
        "needs ads_config with grpc_services whose envoy_grpc names a cluster with endpoints",
      ),
    );
  for (const origin of streams)
    if (serversOf(origin.clusters, "").length === 0)
      report(
        errorAt(
          dynamic.path,
          `names ${origin.clusters.join(", ")}, and no static cluster has that name and endpoints`,
        ),
      );
  if (node === undefined && (servers.length > 0 || streams.length > 0))
    report(errorAt(bootstrap.at("node"), "needs id and cluster, by which the control plane knows this umay"));
  if (failed) return undefined;
  const source = new XdsSource({
    mapping,
    node: node ?? { id: "", cluster: "" },
    ads: config && { servers, protocol: protocolOf(config) },
    roots,
    serversOf,
    initial: "wait",
    initialTimeout: dynamic.node("lds_config")?.number("initial_fetch_timeout") || initialTimeout,
    unknown: mapping.env["UMAY__XDS__UNKNOWN"] === "warn" ? "warn" : "refuse",
    cache: node && cacheOf(node, mapping),
    board,
    logger,
  });
  return new Driven(source, mapping.defaults.pool, logger);
}

/** The file of the last good state, which Envoy's configuration has no words for. */
function cacheOf(node: XdsNode, { env, directory }: Mapping): CacheFile | undefined {
  const { UMAY__XDS__CACHE_FILE: file, UMAY__XDS__CACHE_KEY_FILE: keyFile } = env;
  if (file === undefined) return undefined;
  const isClear = env["UMAY__XDS__CACHE_SECRETS"] === "clear";
  const secrets = keyFile !== undefined ? "encrypt" : isClear ? "clear" : "omit";
  return new CacheFile(
    {
      file: resolve(directory, file),
      secrets,
      keyFile: keyFile === undefined ? undefined : resolve(directory, keyFile),
    },
    node,
  );
}

/** By name of a static cluster: its backends as servers of a control plane. */
async function serversOfClusters(
  bootstrap: Node,
  mapping: Mapping,
): Promise<ReadonlyMap<string, (authority: string) => readonly ControlPlaneAddress[]>> {
  const found = new Map<string, (authority: string) => readonly ControlPlaneAddress[]>();
  for (const cluster of bootstrap.node("static_resources")?.nodes("clusters") ?? []) {
    // Faults in them are told where they are mapped to be served.
    const pool = await mapCluster(cluster, { ...mapping, report: () => {} });
    if (pool?.discovery.type !== "static") continue;
    const { backends } = pool.discovery;
    const tlsOf = (backend: Backend): (() => Promise<PoolTls>) | undefined => {
      const { tls } = transportOf(pool, backend);
      if (tls === undefined) return undefined;
      return async () => {
        const now = await mapCluster(cluster, { ...mapping, report: () => {} });
        return (now && transportOf(now, backend).tls) ?? tls;
      };
    };
    found.set(pool.name, (authority) =>
      backends.map((backend) => serverAt(backend, tlsOf(backend), authority)),
    );
  }
  return found;
}

/** umay's own node. */
function nodeOf(node: Node | undefined): XdsNode | undefined {
  if (node === undefined || node.text("id") === "" || node.text("cluster") === "") return undefined;
  const locality = node.node("locality");
  return {
    id: node.text("id"),
    cluster: node.text("cluster"),
    ...(node.has("metadata") && { metadata: JSON.parse(node.text("metadata")) as Record<string, unknown> }),
    ...(locality !== undefined && {
      locality: {
        region: locality.text("region"),
        zone: locality.text("zone"),
        sub_zone: locality.text("sub_zone"),
      },
    }),
  };
}
