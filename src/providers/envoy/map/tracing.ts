import { warningAt } from "../../../lib/findings.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import type { Pool } from "../../../model/pool.ts";
import type { OtlpSettings } from "../../../model/tracing.ts";
import { transportOf } from "../../../model/transport.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { percentOf } from "./fraction.ts";

/** The collector of the first connection manager that has one; undefined: requests are not traced. */
export function mapCollector(
  listeners: readonly Node[],
  pools: readonly Pool[],
  mapping: Mapping,
): OtlpSettings | undefined {
  for (const listener of listeners)
    for (const node of listener.all()) {
      const provider =
        node.kind === "HttpConnectionManager" ? node.node("tracing")?.node("provider") : undefined;
      const found = provider && collectorOf(provider, pools, mapping);
      if (found !== undefined) return found;
    }
  return undefined;
}

function collectorOf(provider: Node, pools: readonly Pool[], mapping: Mapping): OtlpSettings | undefined {
  const { report } = mapping;
  const config = provider.extension("typed_config");
  if (config === undefined || !("type" in config) || config.kind !== "OpenTelemetryConfig") {
    report(
      warningAt(provider.path, "has no effect: umay sends traces to OpenTelemetry (OpenTelemetryConfig)"),
    );
    return undefined;
  }
  const called = config.node("grpc_service");
  if (called !== undefined) return overGrpc(config, called, pools, mapping);
  const service = config.node("http_service");
  const url = URL.parse(service?.node("http_uri")?.text("uri") ?? "");
  if (service === undefined || url === null) {
    report(warningAt(config.path, "has no effect: expected grpc_service, or http_service with a URL"));
    return undefined;
  }
  const headers = service.nodes("request_headers_to_add").flatMap((option) => option.node("header") ?? []);
  return {
    traces: url.href,
    metrics: url.href.replace(/traces$/, "metrics"),
    headers: Object.fromEntries(headers.map((header) => [header.text("key"), header.text("value")])),
    serviceName: config.text("service_name") || "umay",
    interval: 0,
  };
}

/** The first endpoint of the cluster gets the traces: umay's main thread sends them, and picks no backend. */
function overGrpc(
  config: Node,
  service: Node,
  pools: readonly Pool[],
  { report }: Mapping,
): OtlpSettings | undefined {
  const name = service.node("envoy_grpc")?.text("cluster_name") ?? "";
  const pool = pools.find((each) => each.name === name);
  const backend = pool?.discovery.type === "static" ? pool.discovery.backends[0] : undefined;
  if (backend === undefined || transportOf(pool!, backend).tls !== undefined) {
    report(
      warningAt(
        service.path,
        "has no effect: traces go to the cluster of envoy_grpc, which has to have an endpoint and no TLS",
      ),
    );
    return undefined;
  }
  const origin = `http://${backend.address}`;
  return {
    protocol: "grpc",
    traces: `${origin}/opentelemetry.proto.collector.trace.v1.TraceService/Export`,
    metrics: `${origin}/`,
    headers: {},
    serviceName: config.text("service_name") || "umay",
    interval: 0,
  };
}

/** How many requests of a route are traced: without a word of its connection manager's, none. */
export function traceOf(route: Node, manager: Node | undefined): Pick<HttpRoute, "trace"> {
  const tracing = manager?.node("tracing");
  if (tracing === undefined) return {};
  const shareOf = (name: "random_sampling" | "overall_sampling"): number => {
    const own = route.node("tracing")?.node(name);
    return own === undefined ? (tracing.node(name)?.number("value") ?? 100) : percentOf(own);
  };
  return { trace: { percent: (shareOf("random_sampling") * shareOf("overall_sampling")) / 100 } };
}
