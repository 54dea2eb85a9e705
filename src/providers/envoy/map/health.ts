import { errorAt } from "../../../lib/findings.ts";
import type { CheckSpec, HealthPolicy, StatusRange } from "../../../model/health.ts";
import { type Transport, type Transports, transportIndex, transportsOf } from "../../../model/transport.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { labelsIn } from "./labels.ts";

/** A `HealthCheck`: for each way in which a cluster's endpoints are connected, or for the one that its criteria find. */
export function mapChecks(
  check: Node,
  all: Transports,
  sources: Pick<CheckSpec, "sources"> | undefined,
  mapping: Mapping,
): Pick<HealthPolicy, "check" | "checks"> {
  const [own, ...others] = transportsOf(all);
  if (check.has("transport_socket_match_criteria")) {
    const labels = labelsIn(check.text("transport_socket_match_criteria"));
    const index = transportIndex(all.transports, { transportLabels: [labels] });
    return { check: mapCheck(check, index < 0 ? own! : others[index]!, sources, mapping) };
  }
  const silent = { ...mapping, report: () => {} };
  return {
    check: mapCheck(check, own!, sources, mapping),
    ...(others.length > 0 && { checks: others.map((each) => mapCheck(check, each, sources, silent)) }),
  };
}

/** @returns undefined after an error. */
function mapCheck(
  check: Node,
  { tls, proxyProtocol }: Transport,
  sources: Pick<CheckSpec, "sources"> | undefined,
  mapping: Mapping,
): CheckSpec | undefined {
  const port = check.number("alt_port");
  const timing = {
    interval: check.number("interval") ?? 10_000,
    timeout: check.number("timeout") ?? 5_000,
    rise: check.number("healthy_threshold") ?? 2,
    fall: check.number("unhealthy_threshold") ?? 3,
    address: undefined,
    port,
    proxyProtocol,
    ...sources,
  } as const;
  const http = check.node("http_health_check");
  if (http !== undefined)
    return {
      type: "http",
      version: http.text("codec_client_type") === "HTTP2" ? "2" : "1.1",
      ...timing,
      tls,
      method: http.text("method") || "GET",
      path: http.text("path") || "/",
      host: http.text("host") || undefined,
      expectStatus: rangesOf(http),
      expectBody: undefined,
    };
  const grpc = check.node("grpc_health_check");
  if (grpc !== undefined)
    return {
      type: "grpc",
      ...timing,
      tls,
      service: grpc.text("service_name"),
      host: grpc.text("authority") || undefined,
    };
  const tcp = check.node("tcp_health_check");
  if (tcp !== undefined) {
    if (tls !== undefined && !tcp.has("send") && !tcp.has("receive")) return { type: "tls", ...timing, tls };
    return mapTcp(tcp, timing, mapping);
  }
  mapping.report(errorAt(check.path, "expected http_health_check, grpc_health_check or tcp_health_check"));
  return undefined;
}

type Timing = Pick<
  CheckSpec,
  "interval" | "timeout" | "rise" | "fall" | "address" | "port" | "proxyProtocol" | "sources"
>;

function mapTcp(tcp: Node, timing: Timing, mapping: Mapping): CheckSpec | undefined {
  const send = payload(tcp.node("send"), mapping);
  const header = tcp.node("proxy_protocol_config");
  const received = tcp.nodes("receive").map((each) => payload(each, mapping) ?? "");
  if (received.length > 1) mapping.report(errorAt(tcp.at("receive"), "umay looks for one text; leave one"));
  const [expect] = received;
  return {
    type: "tcp",
    ...timing,
    ...(header !== undefined && { proxyProtocol: header.text("version") === "V2" ? "v2" : "v1" }),
    ...(send !== undefined && { send }),
    ...(expect !== undefined && { expect }),
  };
}

/** Texts in hexadecimal digits. */
function payload(node: Node | undefined, { report }: Mapping): string | undefined {
  if (node === undefined) return undefined;
  const bytes = node.bytes("binary") ?? Buffer.from(node.text("text"), "hex");
  const text = bytes.toString("utf8");
  if (node.has("text") && bytes.length * 2 !== node.text("text").length)
    report(errorAt(node.at("text"), "expected hexadecimal digits"));
  else if (!Buffer.from(text).equals(bytes))
    report(errorAt(node.path, "umay's checks send and expect UTF-8 texts"));
  return text;
}

/** `end` is not included. */
function rangesOf(http: Node): readonly StatusRange[] {
  const ranges = http.nodes("expected_statuses").map((range) => ({
    from: range.number("start") ?? 0,
    to: (range.number("end") ?? 600) - 1,
  }));
  return ranges.length === 0 ? [{ from: 200, to: 200 }] : ranges;
}
