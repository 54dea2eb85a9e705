import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { formatAddress } from "../../lib/address.ts";
import { errorAt, type Finding } from "../../lib/findings.ts";
import type { Backend } from "../../model/backend.ts";
import type { Pool } from "../../model/pool.ts";
import { beginTls, createBackendContext } from "../../tls/backend.ts";
import { fromControlPlane } from "../envoy/load.ts";
import { mapCluster, serviceOf } from "../envoy/map/clusters.ts";
import type { Mapping } from "../envoy/map/context.ts";
import { mapEndpoints } from "../envoy/map/endpoints.ts";
import { mapListener } from "../envoy/map/listeners.ts";
import { mapCertificate } from "../envoy/map/material.ts";
import { checkRoutes } from "../envoy/map/routes.ts";
import type { Node } from "../envoy/node.ts";
import { type Message, readWire } from "../envoy/read/wire.ts";
import { messageType } from "../envoy/schema/registry.ts";
import type { ProviderLogger } from "../provider.ts";
import { formatPath } from "../toml/tree.ts";
import { AdsClient, type ControlPlaneAddress } from "./client.ts";
import { type Judgement, type Kind, kinds, type Resources } from "./resources.ts";

/** How long a start waits for the first complete set, in milliseconds; Envoy's initial_fetch_timeout. */
const initialTimeout = 15_000;
/** Changes within this time are one, in milliseconds. */
const together = 50;

/** The state that a control plane has sent. */
export interface DynamicResources {
  readonly listeners: readonly Node[];
  readonly clusters: readonly Node[];
  routes(name: string): Node | undefined;
  endpoints(service: string): Node | undefined;
  secret(name: string): Node | undefined;
}

/** The resources of a bootstrap file's control plane. */
export class AdsSource {
  readonly #client: AdsClient;
  readonly #mapping: Mapping;
  #news: (() => void) | undefined;
  /** Something else is to be served, and nobody was told. */
  #isMissed = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param bootstrap the file. @param mapping of it.
   * @returns undefined after an error.
   */
  static async of(
    bootstrap: Node,
    mapping: Mapping,
    logger?: ProviderLogger,
  ): Promise<AdsSource | undefined> {
    const config = bootstrap.node("dynamic_resources")?.node("ads_config");
    const servers = config === undefined ? [] : await serversOf(config, bootstrap, mapping);
    if (config === undefined || servers.length === 0) {
      const dynamic = bootstrap.node("dynamic_resources")!;
      mapping.report(
        errorAt(
          dynamic.path,
          "needs ads_config with grpc_services whose envoy_grpc names a cluster with endpoints",
        ),
      );
      return undefined;
    }
    const node = bootstrap.node("node");
    if (node === undefined || node.text("id") === "" || node.text("cluster") === "") {
      mapping.report(
        errorAt(bootstrap.at("node"), "needs id and cluster, by which the control plane knows this umay"),
      );
      return undefined;
    }
    const protocol = config.text("api_type") === "GRPC" ? "sotw" : "delta";
    return new AdsSource(bootstrap, mapping, { servers, protocol, node: nodeOf(node), logger });
  }

  private constructor(
    bootstrap: Node,
    mapping: Mapping,
    options: Pick<ConstructorParameters<typeof AdsClient>[0], "servers" | "protocol" | "node" | "logger">,
  ) {
    this.#mapping = mapping;
    const fixed = bootstrap.node("static_resources");
    const own = [...(fixed?.nodes("listeners") ?? []), ...(fixed?.nodes("clusters") ?? [])];
    this.#client = new AdsClient({
      ...options,
      judge: (kind, bytes) => this.#judge(kind, bytes),
      wanted: (kind, resources) => wantedOf(kind, [...own, ...nodesOf(resources)]),
      changed: () => {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          if (this.#news === undefined) this.#isMissed = true;
          else this.#news();
        }, together);
      },
    });
    this.#client.start();
  }

  /** Waits for the first complete set, for a while. All that came until then is no news. */
  async ready(): Promise<void> {
    await Promise.race([this.#client.complete, sleep(initialTimeout, undefined, { ref: false })]);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isMissed = false;
  }

  /** @param news is called when something else is to be served: at once where that is so already. */
  listen(news: () => void): void {
    this.#news = news;
    if (this.#isMissed) news();
    this.#isMissed = false;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#client.stop();
  }

  get resources(): DynamicResources {
    const of = (kind: Kind): Resources => this.#client.resources.get(kind)!;
    const all = (kind: Kind): Node[] => [...of(kind).good.values()].map(({ node }) => node);
    const one = (kind: Kind) => (name: string) => of(kind).good.get(name)?.node;
    return {
      listeners: all("listener"),
      clusters: all("cluster"),
      routes: one("routes"),
      endpoints: one("endpoints"),
      secret: one("secret"),
    };
  }

  /** Reads a resource and maps it, as it would be served. Resources that it names may come later. */
  async #judge(kind: Kind, bytes: Uint8Array): Promise<Judgement> {
    const findings: Finding[] = [];
    const report = (finding: Finding): void => void findings.push(finding);
    try {
      const node = readWire(messageType(kinds[kind].type), bytes, [fromControlPlane], report);
      const { routes, endpoints, secret } = this.resources;
      await mapOne(kind, node, { ...this.#mapping, report, routes, endpoints, secret, isDynamic: true });
      const errors = findings.filter(({ severity }) => severity === "error");
      if (errors.length === 0) return { node };
      return {
        refusal: errors
          .slice(0, 5)
          .map(({ path, message }) => `${formatPath(path.slice(1))} ${message}`.trim())
          .join("; "),
      };
    } catch (error) {
      return { refusal: `can't be read: ${(error as Error).message}` };
    }
  }
}

async function mapOne(kind: Kind, node: Node, mapping: Mapping): Promise<void> {
  switch (kind) {
    case "cluster":
      await mapCluster(node, mapping);
      return;
    case "endpoints":
      mapEndpoints(node, false, mapping);
      return;
    case "listener":
      await mapListener(node, 0, mapping);
      return;
    case "routes":
      await checkRoutes(node, mapping);
      return;
    case "secret": {
      const certificate = node.node("tls_certificate");
      if (certificate !== undefined) await mapCertificate(certificate, node.text("name"), "clients", mapping);
    }
  }
}

const nodesOf = (resources: ReadonlyMap<Kind, Resources>): Node[] =>
  (["listener", "cluster"] as const).flatMap((kind) =>
    [...resources.get(kind)!.good.values()].map(({ node }) => node),
  );

/** Names that listeners and clusters ask for. */
function wantedOf(kind: Kind, owners: readonly Node[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const owner of owners)
    for (const node of owner.all()) {
      if (kind === "routes" && node.kind === "Rds") names.add(node.text("route_config_name"));
      if (kind === "secret" && node.kind === "SdsSecretConfig" && node.has("sds_config"))
        names.add(node.text("name"));
      if (kind === "endpoints" && node.kind === "Cluster" && node.text("type") === "EDS")
        names.add(serviceOf(node));
    }
  return names;
}

/** The backends of the static clusters that are control planes. */
async function serversOf(
  config: Node,
  bootstrap: Node,
  mapping: Mapping,
): Promise<readonly ControlPlaneAddress[]> {
  const clusters = bootstrap.node("static_resources")?.nodes("clusters") ?? [];
  const servers: ControlPlaneAddress[] = [];
  for (const service of config.nodes("grpc_services")) {
    const grpc = service.node("envoy_grpc");
    const cluster = clusters.find((each) => each.text("name") === grpc?.text("cluster_name"));
    const pool = cluster && (await mapCluster(cluster, mapping));
    if (pool?.discovery.type !== "static") continue;
    for (const backend of pool.discovery.backends)
      servers.push(serverAt(backend, pool, grpc?.text("authority") ?? ""));
  }
  return servers;
}

function serverAt(backend: Backend, { tls }: Pool, authority: string): ControlPlaneAddress {
  const { target, hostName } = backend;
  const name = formatAddress(target);
  const dial = (): Duplex => {
    if (tls === undefined)
      return target.kind === "unix" ? connect(target.path) : connect(target.port, target.host);
    return beginTls(
      tls,
      { target, hostName },
      {
        context: createBackendContext(tls, undefined),
        protocols: ["h2"],
        session: undefined,
        ...(target.kind === "unix" ? { path: target.path } : { port: target.port }),
      },
    );
  };
  return { name, authority: authority || (target.kind === "unix" ? "localhost" : name), dial };
}

/** umay's own node, as it is sent. */
function nodeOf(node: Node): Message {
  const locality = node.node("locality");
  return {
    id: node.text("id"),
    cluster: node.text("cluster"),
    ...(node.has("metadata") && { metadata: JSON.parse(node.text("metadata")) as Message }),
    ...(locality !== undefined && {
      locality: {
        region: locality.text("region"),
        zone: locality.text("zone"),
        sub_zone: locality.text("sub_zone"),
      },
    }),
  };
}
