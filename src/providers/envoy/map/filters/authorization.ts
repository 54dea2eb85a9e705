import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { ForwardAuth } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import { mapCallLines } from "../call-lines.ts";
import type { Mapping } from "../context.ts";
import type { ApplyFilter } from "./registry.ts";
import { statusOf } from "./status.ts";

/** In milliseconds, of Envoy. */
const usualTimeout = 200;

/** `ExtAuthz`: a server is asked about each request, over HTTP or gRPC. */
export const applyAuthorization: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  if (own?.flag("disabled") === true) return;
  const guard = await guards.nameOf(config, "auth", name, (label) => authOf(config, label, mapping));
  if (guard !== undefined) parts.guards.push([guard]);
};

function authOf(config: Node, name: string, mapping: Mapping): ForwardAuth | undefined {
  const { report } = mapping;
  const service = config.node("http_service");
  if (service === undefined) return overGrpc(config, name, mapping);
  const server = service.node("server_uri");
  const pool = server?.text("cluster") ?? "";
  if (server === undefined || pool === "") {
    report(errorAt(service.path, "expected server_uri with a cluster"));
    return undefined;
  }
  const answer = service.node("authorization_response");
  return {
    kind: "forward",
    name,
    pool,
    path: service.text("path_prefix"),
    asks: "same",
    copy: namesOf(answer?.node("allowed_upstream_headers"), mapping),
    copyResponse: namesOf(answer?.node("allowed_client_headers_on_success"), mapping),
    timeout: server.number("timeout") ?? usualTimeout,
    onFailure: config.flag("failure_mode_allow") === true ? "pass" : "refuse",
    failureStatus: statusOf(config.node("status_on_error")) ?? 403,
  };
}

/** The cluster has to speak HTTP/2. */
function overGrpc(config: Node, name: string, mapping: Mapping): ForwardAuth | undefined {
  const service = config.node("grpc_service");
  const pool = service?.node("envoy_grpc")?.text("cluster_name") ?? "";
  if (pool === "") {
    mapping.report(
      errorAt(config.path, "expected http_service, or grpc_service with the cluster of envoy_grpc"),
    );
    return undefined;
  }
  return {
    kind: "forward",
    name,
    pool,
    path: "",
    asks: "grpc",
    lines: mapCallLines(service, [], mapping),
    copy: [],
    copyResponse: [],
    timeout: service!.number("timeout") ?? usualTimeout,
    onFailure: config.flag("failure_mode_allow") === true ? "pass" : "refuse",
    failureStatus: statusOf(config.node("status_on_error")) ?? 403,
  };
}

/** A `ListStringMatcher` of names. */
function namesOf(list: Node | undefined, { report }: Mapping): readonly string[] {
  return (list?.nodes("patterns") ?? []).flatMap((pattern) => {
    const name = pattern.text("exact").toLowerCase();
    if (name !== "") return [name];
    report(warningAt(pattern.path, "has no effect: fields are named as a whole (exact)"));
    return [];
  });
}
