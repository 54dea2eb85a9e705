import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { LabelledTransport, Transport, Transports } from "../../../model/transport.ts";
import type { Node } from "../node.ts";
import { httpOptions } from "./cluster-options.ts";
import type { Mapping } from "./context.ts";
import { labelsIn } from "./labels.ts";
import { mapPoolTls } from "./tls.ts";

/** How connections to a cluster's endpoints are made. @returns undefined after an error, or while a secret is missing. */
export async function mapTransports(cluster: Node, mapping: Mapping): Promise<Transports | undefined> {
  const own = await mapTransport(cluster, cluster.node("transport_socket"), mapping);
  const matches = cluster.nodes("transport_socket_matches");
  const transports: LabelledTransport[] = [];
  for (const match of matches) {
    const transport = await mapTransport(cluster, match.node("transport_socket"), mapping);
    if (transport !== undefined) transports.push({ labels: labelsIn(match.text("match")), ...transport });
  }
  if (own === undefined || transports.length < matches.length) return undefined;
  return transports.length === 0 ? own : { ...own, transports };
}

/** A `TransportSocket`. */
async function mapTransport(
  cluster: Node,
  socket: Node | undefined,
  mapping: Mapping,
): Promise<Transport | undefined> {
  let context = socket?.extension("typed_config");
  let proxyProtocol: Transport["proxyProtocol"];
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
  const auto = upstream?.flag("auto_sni") === true;
  if (auto && !context.has("sni"))
    mapping.report(
      warningAt(upstream!.at("auto_sni"), "sends each backend's own host name, not the host of the request"),
    );
  const tls = await mapPoolTls(context, upstream?.flag("auto_san_validation") === true, mapping);
  return tls && { tls, proxyProtocol };
}
