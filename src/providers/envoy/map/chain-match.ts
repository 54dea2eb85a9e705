import { errorAt } from "../../../lib/findings.ts";
import { anyConnection, type ChainMatch, type Origin, type Protocol } from "../../../model/chain.ts";
import type { Node } from "../node.ts";
import { mapCidrs } from "./address.ts";
import type { Mapping } from "./context.ts";

/** Of whoever is connected, and of the client that a PROXY header names. */
const [direct, source] = ["direct_source_prefix_ranges", "source_prefix_ranges"] as const;

const origins: Readonly<Record<string, Origin>> = { SAME_IP_OR_LOOPBACK: "here", EXTERNAL: "elsewhere" };

/** A `FilterChainMatch`. @returns undefined after an error. */
export function mapChainMatch(match: Node | undefined, mapping: Mapping): ChainMatch | undefined {
  if (match === undefined) return anyConnection;
  const transport = match.text("transport_protocol");
  const protocols: Readonly<Record<string, readonly Protocol[]>> = {
    "": [],
    tls: ["tls"],
    raw_buffer: ["other"],
  };
  const protocol = protocols[transport];
  if (protocol === undefined) {
    mapping.report(errorAt(match.at("transport_protocol"), "expected tls or raw_buffer"));
    return undefined;
  }
  const names = match.texts("server_names").map((name) => name.toLowerCase());
  for (const [index, name] of names.entries())
    if (!/^(\*\.)?[^*]+$/.test(name))
      mapping.report(errorAt([...match.at("server_names"), index], "expected a name or *.name"));
  const port = match.number("destination_port");
  const to = mapCidrs(match.nodes("prefix_ranges"), mapping);
  const origin = origins[match.text("source_type")];
  const fromPort = match.numbers("source_ports");
  return {
    sni: names,
    alpn: match.texts("application_protocols"),
    protocol,
    from: mapCidrs(match.nodes(match.has(direct) ? direct : source), mapping),
    port: port === undefined ? [] : [port],
    ...(origin !== undefined && { origin: [origin] }),
    ...(to.length > 0 && { to }),
    ...(fromPort.length > 0 && { fromPort }),
  };
}

/**
 * Without a PROXY header both kinds of ranges are about the same address. Envoy looks at one kind before the other, so where
 * chains have both, another one could be found here.
 */
export function checkDirectSources(listener: Node, hasHeader: boolean, { report }: Mapping): void {
  const matches = listener.nodes("filter_chains").flatMap((chain) => chain.node("filter_chain_match") ?? []);
  const hasSources = matches.some((match) => match.has(source));
  for (const match of matches)
    if (match.has(direct) && (hasHeader || hasSources))
      report(
        errorAt(
          match.at(direct),
          hasHeader
            ? `asks for the address of the proxy in front; expected ${source}`
            : `stands in one listener with ${source}; use one of them for all of its chains`,
        ),
      );
}
