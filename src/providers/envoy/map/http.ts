import { mostFields } from "../../../http/span-fields.ts";
import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { HttpFront, HttpServe, HttpVersion } from "../../../model/http/front.ts";
import type { Node } from "../node.ts";
import { mapAccessLogs } from "./access-log.ts";
import { everybody } from "./address.ts";
import { mapDetection } from "./client-fields.ts";
import type { Mapping } from "./context.ts";
import { mapEarlyFields } from "./early-fields.ts";
import { mapLocalReplies } from "./local-reply.ts";

/** An `HttpConnectionManager`. @param table the name of its route table. */
export async function mapHttp(manager: Node, table: string, mapping: Mapping): Promise<HttpServe> {
  const errors = await mapLocalReplies(manager.node("local_reply_config"), mapping);
  const logs = await mapAccessLogs(manager.nodes("access_log"), mapping);
  const earlyFields = await mapEarlyFields(manager, mapping);
  const front = {
    ...mapFront(manager, mapping),
    errors,
    ...(logs.length > 0 && { logs }),
    ...(earlyFields.length > 0 && { earlyFields }),
  };
  return { kind: "http", routes: table, fallback: undefined, front };
}

/** In milliseconds, of Envoy. */
const usual = { idle: 3_600_000, streamIdle: 300_000 } as const;
/** A day, in milliseconds: that a timeout is switched off is no reason to keep what died. */
const noLimit = 86_400_000;

function mapFront(manager: Node, mapping: Mapping): HttpFront {
  const { front } = mapping.defaults;
  const common = manager.node("common_http_protocol_options");
  const http2 = manager.node("http2_protocol_options");
  const streamIdle = manager.number("stream_idle_timeout") ?? usual.streamIdle;
  const age = common?.number("max_connection_duration");
  checkClient(manager, mapping);
  return {
    ...front,
    versions: versionsOf(manager, mapping),
    http2: {
      ...front.http2,
      streams: http2?.number("max_concurrent_streams") ?? front.http2.streams,
      streamWindow: http2?.number("initial_stream_window_size") ?? front.http2.streamWindow,
      connectionWindow: http2?.number("initial_connection_window_size") ?? front.http2.connectionWindow,
    },
    limits: {
      ...front.limits,
      requestHead: (manager.number("max_request_headers_kb") ?? 60) * 1024,
      fields: fieldsOf(common, mapping),
    },
    timeouts: {
      ...front.timeouts,
      keepAlive: common?.number("idle_timeout") || usual.idle,
      requestHeader: manager.number("request_headers_timeout") || front.timeouts.requestHeader,
      bodyIdle: manager.number("request_timeout") || front.timeouts.bodyIdle,
      idle: streamIdle || noLimit,
      upgradedIdle: streamIdle || noLimit,
    },
    maxRequests: common?.number("max_requests_per_connection"),
    maxAge: age === undefined || age === 0 ? undefined : age,
    underscores: underscores[common?.text("headers_with_underscores_action") ?? ""] ?? "pass",
    ambiguousPaths: pathsOf(manager, mapping),
    ...(manager.flag("merge_slashes") === true && { mergesSlashes: true }),
    // Envoy never answers 421 itself.
    misdirected: "pass",
    via: manager.text("via") || undefined,
    server: serverOf(manager),
    forwarded: { ...forwardedOf(manager, front.forwarded), ...mapDetection(manager, mapping) },
  };
}

/** The most fields of a request. */
function fieldsOf(common: Node | undefined, { report }: Mapping): number {
  const wanted = common?.number("max_headers_count") ?? 100;
  if (wanted > mostFields)
    report(warningAt(common!.at("max_headers_count"), `is ${mostFields}: umay takes no more fields`));
  return Math.min(wanted, mostFields);
}

/**
 * With proxies in front, by their number: so many entries of X-Forwarded-For are theirs. Without `use_remote_address` the last
 * entry is one more of them; without proxies a client's own fields are never believed.
 */
function forwardedOf(manager: Node, usual: HttpFront["forwarded"]): HttpFront["forwarded"] {
  const proxies = manager.number("xff_num_trusted_hops") ?? 0;
  const hops = manager.flag("use_remote_address") === true || proxies === 0 ? proxies : proxies + 1;
  return {
    ...usual,
    ...(hops > 0 && { trust: everybody, hops }),
    requestId: manager.flag("generate_request_id") === false ? undefined : usual.requestId,
    ...(manager.flag("preserve_external_request_id") === true && { keepsRequestId: true }),
    ...(passingCertificates.has(manager.text("forward_client_cert_details")) && { keepsCertificate: true }),
  };
}

/** Modes in which X-Forwarded-Client-Cert of a client itself may go on; routes remove it where its client has shown no certificate. */
const passingCertificates: ReadonlySet<string> = new Set([
  "ALWAYS_FORWARD_ONLY",
  "APPEND_FORWARD",
  "FORWARD_ONLY",
]);

const underscores: Readonly<Record<string, HttpFront["underscores"]>> = {
  ALLOW: "pass",
  REJECT_REQUEST: "refuse",
  DROP_HEADER: "drop",
};

function versionsOf(manager: Node, { report }: Mapping): readonly HttpVersion[] {
  switch (manager.text("codec_type")) {
    case "HTTP1":
      return ["1.1"];
    case "HTTP2":
      return ["2"];
    case "HTTP3":
      report(errorAt(manager.at("codec_type"), "umay speaks no HTTP/3"));
      return ["1.1"];
    default:
      return ["2", "1.1"];
  }
}

function pathsOf(manager: Node, { report }: Mapping): HttpFront["ambiguousPaths"] {
  const action = manager.text("path_with_escaped_slashes_action");
  if (action === "UNESCAPE_AND_REDIRECT" || action === "UNESCAPE_AND_FORWARD")
    report(
      warningAt(
        manager.at("path_with_escaped_slashes_action"),
        "has no effect: escaped slashes stay, and a path that could be read in two ways is refused",
      ),
    );
  return action === "KEEP_UNCHANGED" ? "pass" : "refuse";
}

/** Envoy's own name is not put in place of the backend's. */
function serverOf(manager: Node): HttpFront["server"] {
  const name = manager.text("server_name");
  const transformation = manager.text("server_header_transformation");
  if (transformation === "PASS_THROUGH" || transformation === "APPEND_IF_ABSENT") return "keep";
  return name === "" ? "keep" : { text: name };
}

function checkClient(manager: Node, { report }: Mapping): void {
  for (const upgrade of manager.nodes("upgrade_configs"))
    if (upgrade.text("upgrade_type").toLowerCase() !== "websocket")
      report(errorAt(upgrade.at("upgrade_type"), "umay changes connections to websocket only"));
}

/** Whether routes may let connections change to WebSocket. */
export const takesWebSocket = (manager: Node): boolean =>
  manager
    .nodes("upgrade_configs")
    .some(
      (each) => each.text("upgrade_type").toLowerCase() === "websocket" && each.flag("enabled") !== false,
    );
