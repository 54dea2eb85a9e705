import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { ChainMatch } from "../../../model/chain.ts";
import type { HttpRouteTable } from "../../../model/http/route.ts";
import type { Listener, ListenerTls } from "../../../model/listener.ts";
import type { Node } from "../node.ts";
import { whyNoExtension } from "../schema/registry.ts";
import { mapTarget } from "./action.ts";
import { everybody, mapAddress } from "./address.ts";
import { checkDirectSources, mapChainMatch } from "./chain-match.ts";
import { type Mapped, needsDetection, orderedChains } from "./chains.ts";
import type { Mapping } from "./context.ts";
import { mapHttp, takesWebSocket } from "./http.ts";
import { mapNetworkRules } from "./network-access.ts";
import { checkFilters, mapRouteTable } from "./routes.ts";
import { checkSocketOptions } from "./sockets.ts";
import { mapListenerTls } from "./tls.ts";

/** A listener with the route tables of its own. */
export interface MappedListener {
  readonly listener: Listener;
  readonly tables: readonly HttpRouteTable[];
}

/** In milliseconds, of Envoy. */
const usual = { idle: 3_600_000, firstBytes: 15_000 } as const;

/** The most bytes of a body that a listener may have collected: there may be thousands of them at a time. */
const mostBuffered = 16 * 1_048_576;

/** 0 is no limit in Envoy; here it is the usual one. */
function bufferOf(node: Node, { report }: Mapping): Pick<Mapping, "buffer"> {
  const wanted = node.number("per_connection_buffer_limit_bytes") ?? 0;
  if (wanted > mostBuffered)
    report(
      warningAt(node.at("per_connection_buffer_limit_bytes"), `is ${mostBuffered}: umay collects no more`),
    );
  return wanted === 0 ? {} : { buffer: Math.min(wanted, mostBuffered) };
}

/** A `Listener`. @returns undefined after an error that leaves none. */
export async function mapListener(
  node: Node,
  index: number,
  common: Mapping,
): Promise<MappedListener | undefined> {
  const mapping = { ...common, ...bufferOf(node, common) };
  const bind = mapAddress(node.node("address"), mapping, node);
  if (bind === undefined) return undefined;
  checkSocketOptions(node, mapping);
  const name = node.text("name") || `listener_${index}`;
  const tables: HttpRouteTable[] = [];
  const chains: Mapped[] = [];
  for (const [number, chain] of node.nodes("filter_chains").entries()) {
    const mapped = await mapFilterChain(
      chain,
      { listener: name, chain: chain.text("name") || `filter_chains[${number}]` },
      tables,
      mapping,
    );
    if (mapped !== undefined) chains.push(mapped);
  }
  const last = node.node("default_filter_chain");
  const otherwise =
    last &&
    (await mapFilterChain(
      last,
      { listener: name, chain: last.text("name") || "default_filter_chain" },
      tables,
      mapping,
    ));
  const all = otherwise === undefined ? chains : [...chains, otherwise];
  if (all.length === 0) {
    // Those that can't be served have been reported.
    if (!node.has("filter_chains")) mapping.report(errorAt(node.path, "has no filter chain"));
    return undefined;
  }
  for (const [at, { name: chain }] of all.entries())
    if (all.findIndex((other) => other.name === chain) < at)
      mapping.report(
        errorAt(node.at("filter_chains"), `two filter chains are named ${JSON.stringify(chain)}`),
      );
  const { listener } = mapping.defaults;
  const detect = needsDetection(all);
  const proxyProtocol = mapListenerFilters(node, mapping);
  checkDirectSources(node, proxyProtocol !== undefined, mapping);
  for (const { access } of all)
    if (proxyProtocol !== undefined && access?.direct !== undefined)
      mapping.report(
        errorAt(
          access.direct,
          "asks for the address of the proxy in front (direct_remote_ip); expected remote_ip",
        ),
      );
  return {
    tables,
    listener: {
      ...listener,
      name,
      bind,
      detect,
      chains: orderedChains(chains, otherwise, listener.chains[0]!.timeouts),
      tls: all.flatMap(({ tls }) => tls ?? []),
      ...limitOf(all, mapping),
      proxyProtocol,
      timeouts: {
        ...listener.timeouts,
        handshake: node.number("listener_filters_timeout") || usual.firstBytes,
      },
    },
  };
}

/** A limit of a filter chain counts for its listener. */
function limitOf(chains: readonly Mapped[], { defaults }: Mapping): Pick<Listener, "maxConnections"> {
  const limits = chains.flatMap(({ most }) => most ?? []);
  return { maxConnections: limits.length === 0 ? defaults.listener.maxConnections : Math.max(1, ...limits) };
}

interface Names {
  readonly listener: string;
  readonly chain: string;
}

async function mapFilterChain(
  chain: Node,
  names: Names,
  tables: HttpRouteTable[],
  mapping: Mapping,
): Promise<Mapped | undefined> {
  const match = mapChainMatch(chain.node("filter_chain_match"), mapping);
  const tls = await mapTransport(chain, names.chain, mapping);
  if (match === undefined) return undefined;
  // Clients that would get another chain instead are closed, too.
  if (tls === "wrong" && mapping.isLate)
    return { name: names.chain, tls: undefined, match, serve: { kind: "refuse" }, idle: usual.idle };
  if (tls === "wrong") return undefined;
  const filters = chain.nodes("filters");
  const served = await mapTerminal(filters.at(-1), names, tls, tables, mapping);
  if (filters.length === 0) mapping.report(errorAt(chain.path, "has no filters"));
  const before = await mapFilters(filters.slice(0, -1), match, mapping);
  return served && { name: names.chain, tls, match, ...served, ...before };
}

/** The filters in front of the one that serves. */
async function mapFilters(
  filters: readonly Node[],
  match: ChainMatch,
  mapping: Mapping,
): Promise<Pick<Mapped, "access" | "most">> {
  let found: Pick<Mapped, "access" | "most"> = {};
  for (const filter of filters) {
    const config = filter.extension("typed_config");
    const kind = config !== undefined && "type" in config ? config.kind : undefined;
    if (kind === "ConnectionLimit")
      found = { ...found, most: (config as Node).number("max_connections") ?? 0 };
    else if (kind === "RBAC" && found.access === undefined && match.from.length === 0) {
      const access = await mapNetworkRules(config as Node, mapping);
      if (access !== undefined) found = { ...found, access };
    } else unknownFilter(filter, "network filter", mapping);
  }
  return found;
}

async function mapTransport(
  chain: Node,
  name: string,
  mapping: Mapping,
): Promise<ListenerTls | undefined | "wrong"> {
  if (chain.flag("use_proxy_proto") === true)
    mapping.report(
      errorAt(chain.at("use_proxy_proto"), "is not supported; use the listener filter proxy_protocol"),
    );
  const context = chain.node("transport_socket")?.extension("typed_config");
  if (context === undefined) return undefined;
  if ("type" in context && context.kind === "RawBuffer") return undefined;
  if ("type" in context && context.kind === "DownstreamTlsContext")
    return (await mapListenerTls(context, name, mapping)) ?? "wrong";
  const what = "type" in context ? context.type.name : context.url;
  mapping.report(errorAt(context.path, `umay has no transport socket ${what} for clients`));
  return "wrong";
}

async function mapTerminal(
  filter: Node | undefined,
  names: Names,
  tls: ListenerTls | undefined,
  tables: HttpRouteTable[],
  mapping: Mapping,
): Promise<Pick<Mapped, "serve" | "idle" | "maxAge"> | undefined> {
  const config = filter?.extension("typed_config");
  if (filter === undefined) return undefined;
  if (config !== undefined && "type" in config && config.kind === "TcpProxy") {
    const to = mapTarget(config, mapping);
    const maxAge = config.number("max_downstream_connection_duration");
    return (
      to && {
        serve: { kind: "relay", to },
        idle: config.number("idle_timeout") || usual.idle,
        ...(maxAge !== undefined && { maxAge }),
      }
    );
  }
  if (config !== undefined && "type" in config && config.kind === "HttpConnectionManager") {
    const table = await mapRoutes(config, names, tls, mapping);
    if (table === undefined) return undefined;
    tables.push(table);
    return { serve: await mapHttp(config, table.name, mapping), idle: usual.idle };
  }
  unknownFilter(filter, "network filter", mapping);
  return undefined;
}

/** Fields of a connection manager that are part of what its routes do. */
const ofRoutes = [
  "tracing",
  "forward_client_cert_details",
  "upgrade_configs",
  "common_http_protocol_options",
];

/** Whether its routes are the same for every connection manager of that kind: then they share a table. */
const isPlain = (manager: Node, config: Node): boolean =>
  manager.nodes("http_filters").length <= 1 &&
  ofRoutes.every((field) => !manager.has(field)) &&
  config.nodes("virtual_hosts").every((host) => !host.has("require_tls"));

/** Filters of a connection manager are part of its table. */
async function mapRoutes(
  manager: Node,
  names: Names,
  tls: ListenerTls | undefined,
  mapping: Mapping,
): Promise<HttpRouteTable | undefined> {
  const rds = manager.node("rds")?.text("route_config_name");
  const config = rds === undefined ? manager.node("route_config") : mapping.routes(rds);
  const upgrades = takesWebSocket(manager) ? (["websocket"] as const) : [];
  const own = `${names.listener}/${names.chain}`;
  const name = rds !== undefined && config !== undefined && isPlain(manager, config) ? rds : own;
  const mutual = tls?.clientAuth?.mode === "require";
  const secure = tls !== undefined;
  const use = { name, upgrades, secure, mutual, manager };
  if (config !== undefined) return mapRouteTable(config, use, mapping);
  if (rds === undefined) mapping.report(errorAt(manager.path, "has no route_config"));
  else if (!mapping.isDynamic)
    mapping.report(errorAt(manager.at("rds"), "there is no control plane that its routes could come from"));
  // A fault of a filter is one whatever the routes are.
  else await checkFilters(use, mapping);
  return mapping.isLate ? { name: own, hosts: [], guards: [], fallsThrough: false } : undefined;
}

function unknownFilter(filter: Node, kind: string, { report }: Mapping): void {
  const config = filter.extension("typed_config");
  if (config === undefined) {
    report(errorAt(filter.path, "has no typed_config"));
    return;
  }
  const what = "type" in config ? config.type.name : config.url;
  const why = whyNoExtension(what);
  report(errorAt(filter.path, `umay has no ${kind} ${what}${why === undefined ? "" : `: ${why}`}`));
}

function mapListenerFilters(node: Node, mapping: Mapping): Listener["proxyProtocol"] {
  let proxyProtocol: Listener["proxyProtocol"];
  for (const filter of node.nodes("listener_filters")) {
    const config = filter.extension("typed_config");
    if (config === undefined || !("type" in config)) unknownFilter(filter, "listener filter", mapping);
    else if (config.kind === "ProxyProtocol") {
      if (config.flag("allow_requests_without_proxy_protocol") === true)
        mapping.report(
          errorAt(
            config.at("allow_requests_without_proxy_protocol"),
            "is not supported: with proxy_protocol every client has to send a header",
          ),
        );
      mapping.report(
        warningAt(
          filter.path,
          "believes the PROXY header of everybody; let nobody but your proxies reach this port",
        ),
      );
      proxyProtocol = {
        // Envoy believes everybody.
        trust: everybody,
        timeout: node.number("listener_filters_timeout") || usual.firstBytes,
      };
    } else if (config.kind !== "TlsInspector" && config.kind !== "HttpInspector")
      unknownFilter(filter, "listener filter", mapping);
  }
  return proxyProtocol;
}
