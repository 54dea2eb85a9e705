import { warningAt } from "../../../lib/findings.ts";
import type { DestinationRule } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** In milliseconds, of Envoy. */
const usualCleanup = 5_000;
const usualField = "x-envoy-original-dst-host";

/** How clients of a cluster of type ORIGINAL_DST say where they go; undefined: it is of another type. */
export function mapDestination(cluster: Node, { report }: Mapping): DestinationRule | undefined {
  if (cluster.text("type") !== "ORIGINAL_DST") return undefined;
  const config = cluster.node("original_dst_lb_config");
  const port = config?.number("upstream_port_override");
  const byField = config?.flag("use_http_header") === true;
  if (byField)
    report(
      warningAt(
        config!.at("use_http_header"),
        "lets clients choose any address; who may, is up to the routes",
      ),
    );
  return {
    ...(byField && { field: config!.text("http_header_name").toLowerCase() || usualField }),
    ...(port !== undefined && { port }),
    idle: cluster.number("cleanup_interval") ?? usualCleanup,
  };
}
