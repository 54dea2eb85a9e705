import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { DestinationRule } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** In milliseconds, of Envoy. */
const usualCleanup = 5_000;
const usualField = "x-envoy-original-dst-host";

/** How clients of a cluster of type ORIGINAL_DST say where they go; undefined: it is of another type. */
export function mapDestination(cluster: Node, mapping: Mapping): DestinationRule | undefined {
  const near = mayBeNear(cluster, mapping);
  if (cluster.text("type") !== "ORIGINAL_DST") return undefined;
  const config = cluster.node("original_dst_lb_config");
  const port = config?.number("upstream_port_override");
  const byField = config?.flag("use_http_header") === true;
  if (byField)
    mapping.report(
      warningAt(
        config!.at("use_http_header"),
        near
          ? "lets clients choose any address, local ones too; who may, is up to the routes"
          : "lets clients choose any address but local ones (metadata umay: local_destinations); who may, is up to the routes",
      ),
    );
  return {
    ...(byField && { field: config!.text("http_header_name").toLowerCase() || usualField }),
    ...(near && { near }),
    ...(port !== undefined && { port }),
    idle: cluster.number("cleanup_interval") ?? usualCleanup,
  };
}

/** The part of a cluster's metadata that is umay's own: Envoy has no field for it. */
const ofUmay = "umay";

function mayBeNear(cluster: Node, { report }: Mapping): boolean {
  const text = cluster.node("metadata")?.mapOfTexts("filter_metadata").get(ofUmay);
  if (text === undefined) return false;
  const { local_destinations: near, ...others } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const path = cluster.at("metadata");
  if (typeof near !== "boolean" || Object.keys(others).length > 0)
    report(errorAt(path, `of ${ofUmay}, expected local_destinations, true or false, and nothing else`));
  else if (cluster.text("type") !== "ORIGINAL_DST")
    report(warningAt(path, "local_destinations has no effect: the cluster is not of type ORIGINAL_DST"));
  return near === true;
}
