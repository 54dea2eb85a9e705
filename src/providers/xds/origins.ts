import { resolve } from "node:path";
import { errorAt, type Finding } from "../../lib/findings.ts";
import { serviceOf } from "../envoy/map/clusters.ts";
import type { Node } from "../envoy/node.ts";
import type { Kind } from "./resources.ts";

/** Where resources come from. Those with the same key are the same place. */
export type Origin = { readonly key: string } & (
  | { readonly type: "ads" }
  /** Absolute path. */
  | { readonly type: "file"; readonly path: string }
  /** A stream for one kind alone. */
  | {
      readonly type: "stream";
      readonly clusters: readonly string[];
      readonly authority: string;
      readonly protocol: "delta" | "sotw";
    }
);

export const ads: Origin = { key: "ads", type: "ads" };

/** A resource that another one names. */
export interface Reference {
  readonly kind: Kind;
  readonly name: string;
  readonly origin: Origin;
}

/** The things around a resource that say what its own words mean. */
export interface Surroundings {
  /** Where the resource itself comes from, which `self` means; undefined: from the bootstrap file. */
  readonly own: Origin | undefined;
  /** Where relative paths start. */
  readonly directory: string;
  report(finding: Finding): void;
}

/** The place that a `ConfigSource` names. @returns undefined after an error. */
export function originOf(source: Node, { own, directory, report }: Surroundings): Origin | undefined {
  if (source.has("ads")) return ads;
  const path = source.node("path_config_source")?.text("path") || source.text("path");
  if (path !== "") {
    const absolute = resolve(directory, path);
    return { key: `file:${absolute}`, type: "file", path: absolute };
  }
  const config = source.node("api_config_source");
  if (config !== undefined) return streamOf(config, report);
  if (own === undefined)
    report(errorAt(source.path, "names no source; expected ads, path_config_source or api_config_source"));
  return own;
}

/** The protocol of an `ApiConfigSource`. */
export const protocolOf = (config: Node): "delta" | "sotw" =>
  /DELTA/.test(config.text("api_type")) ? "delta" : "sotw";

function streamOf(config: Node, report: Surroundings["report"]): Origin | undefined {
  const type = config.text("api_type");
  if (/^AGGREGATED/.test(type)) return ads;
  const services = config.nodes("grpc_services").flatMap((service) => service.node("envoy_grpc") ?? []);
  const clusters = services.map((service) => service.text("cluster_name"));
  if (!/^(DELTA_)?GRPC$/.test(type) || clusters.length === 0) {
    const message = "is not supported; expected GRPC or DELTA_GRPC, with grpc_services that have envoy_grpc";
    report(errorAt(config.at("api_type"), message));
    return undefined;
  }
  const protocol = protocolOf(config);
  const authority = services[0]!.text("authority");
  return {
    key: `stream:${protocol}:${authority}:${clusters.join(",")}`,
    type: "stream",
    clusters,
    authority,
    protocol,
  };
}

/** The resources that a message names, however deep. */
export function referencesOf(owner: Node, surroundings: Surroundings): readonly Reference[] {
  const found: Reference[] = [];
  const add = (kind: Kind, name: string, source: Node | undefined): void => {
    const origin = source === undefined ? (surroundings.own ?? ads) : originOf(source, surroundings);
    if (origin !== undefined) found.push({ kind, name, origin });
  };
  for (const node of owner.all())
    if (node.kind === "Rds") add("routes", node.text("route_config_name"), node.node("config_source"));
    else if (node.kind === "SdsSecretConfig" && node.has("sds_config"))
      add("secret", node.text("name"), node.node("sds_config"));
    else if (node.kind === "Cluster" && node.text("type") === "EDS")
      add("endpoints", serviceOf(node), node.node("eds_cluster_config")?.node("eds_config"));
  return found;
}
