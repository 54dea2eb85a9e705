import type { Node } from "../node.ts";

/** The name of the typed options of HTTP that a cluster may have. */
export const httpOptionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The typed options of HTTP. */
export function httpOptions(cluster: Node): Node | undefined {
  const options = cluster.map("typed_extension_protocol_options").get(httpOptionsName);
  return options !== undefined && "type" in options ? options : undefined;
}
