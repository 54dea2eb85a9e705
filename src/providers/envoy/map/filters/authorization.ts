import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { AskedBody, ForwardAuth, PassedFields } from "../../../../model/http/guard.ts";
import type { TextTest } from "../../../../model/http/match.ts";
import type { Node } from "../../node.ts";
import { mapCallLines } from "../call-lines.ts";
import type { Mapping } from "../context.ts";
import { runtimePercent } from "../fraction.ts";
import { testsOf } from "./name-tests.ts";
import type { ApplyFilter } from "./registry.ts";
import { statusOf } from "./status.ts";

/** In milliseconds, of Envoy. */
const usualTimeout = 200;
/** The most of a body that a server gets, in bytes. */
const mostBody = 16 * 1_048_576;

/** A filter, and the settings of a route for it; undefined: there are none. */
interface Settings {
  readonly config: Node;
  readonly own: Node | undefined;
}

/** `ExtAuthz`: a server is asked about each request, over HTTP or gRPC. */
export const applyAuthorization: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  if (own?.flag("disabled") === true) return;
  const check = own?.node("check_settings");
  const guard = await guards.nameOf(check ?? config, "auth", name, (label) =>
    authOf({ config, own: check }, { name: label, label: name }, mapping),
  );
  if (guard !== undefined) parts.guards.push([guard]);
};

async function authOf(
  settings: Settings,
  { name, label }: { readonly name: string; readonly label: string },
  mapping: Mapping,
): Promise<ForwardAuth | undefined> {
  const { config, own } = settings;
  const chosen = own?.which("http_service", "grpc_service") === undefined ? config : own;
  const service = chosen.node("http_service");
  const asked = await (service === undefined
    ? overGrpc(settings, chosen, mapping)
    : overHttp(settings, service, mapping));
  const never = await testsOf(config.node("disallowed_headers"), mapping);
  if (asked === undefined || never === undefined) return undefined;
  const { only, ...rest } = asked;
  const reroutes = config.flag("clear_route_cache") === true;
  return {
    kind: "forward",
    name,
    filter: label,
    ...rest,
    // Rules would not see fields that only a server may set.
    ...(reroutes && { reroutes, copy: [] }),
    ...((only !== undefined || never.length > 0) && { sees: { only, never } }),
    ...bodyOf(settings, mapping),
    ...shareOf(config),
    onFailure: config.flag("failure_mode_allow") === true ? "pass" : "refuse",
    failureStatus: statusOf(config.node("status_on_error")) ?? 403,
    marksFailure: config.flag("failure_mode_allow_header_add") === true,
    strict: config.flag("validate_mutations") === true,
  };
}

/** The settings that depend on how the server is asked. @property only undefined: it gets all fields. */
interface Asked
  extends Pick<
    ForwardAuth,
    "pool" | "path" | "asks" | "lines" | "copy" | "copyResponse" | "timeout" | "passes" | "tells"
  > {
  readonly only: readonly TextTest[] | undefined;
}

/** As in Envoy, a server gets no fields but the client's credentials, and those that are allowed. */
const authorization: TextTest = { kind: "exact", value: "authorization", ignoreCase: false };

async function overHttp({ config }: Settings, service: Node, mapping: Mapping): Promise<Asked | undefined> {
  const server = service.node("server_uri");
  const pool = server?.text("cluster") ?? "";
  if (server === undefined || pool === "") {
    mapping.report(errorAt(service.path, "expected server_uri with a cluster"));
    return undefined;
  }
  const request = service.node("authorization_request");
  const allowed = await testsOf(config.node("allowed_headers") ?? request?.node("allowed_headers"), mapping);
  const answer = service.node("authorization_response");
  const passes = await passesOf(answer, mapping);
  if (allowed === undefined || passes === undefined) return undefined;
  return {
    pool,
    path: service.text("path_prefix"),
    asks: "same",
    lines: mapCallLines(undefined, request?.nodes("headers_to_add") ?? [], mapping),
    copy: namesOf(answer?.node("allowed_upstream_headers")),
    copyResponse: namesOf(answer?.node("allowed_client_headers_on_success")),
    timeout: server.number("timeout") ?? usualTimeout,
    passes,
    only: [authorization, ...allowed],
  };
}

/** Fields that are named as a whole are copied, and no client can set one of them. */
const isWhole = (pattern: Node): boolean => pattern.text("exact") !== "";
const namesOf = (list: Node | undefined): readonly string[] =>
  (list?.nodes("patterns") ?? []).filter(isWhole).map((pattern) => pattern.text("exact").toLowerCase());

/** A refusal keeps these whatever is allowed, as in Envoy. */
const always: readonly TextTest[] = ["location", "www-authenticate"].map((value) => ({
  kind: "exact",
  value,
  ignoreCase: false,
}));

async function passesOf(answer: Node | undefined, mapping: Mapping): Promise<PassedFields | undefined> {
  const of = (name: string) => testsOf(answer?.node(name), mapping);
  const [replaced, appended, client, refused] = [
    await of("allowed_upstream_headers"),
    await of("allowed_upstream_headers_to_append"),
    await of("allowed_client_headers_on_success"),
    await of("allowed_client_headers"),
  ];
  if (replaced === undefined || appended === undefined || client === undefined || refused === undefined)
    return undefined;
  return { replaced, appended, client, refused: refused.length === 0 ? undefined : [...refused, ...always] };
}

/** The cluster has to speak HTTP/2. */
async function overGrpc(
  { config, own }: Settings,
  chosen: Node,
  mapping: Mapping,
): Promise<Asked | undefined> {
  const service = chosen.node("grpc_service");
  const pool = service?.node("envoy_grpc")?.text("cluster_name") ?? "";
  if (pool === "") {
    mapping.report(
      errorAt(config.path, "expected http_service, or grpc_service with the cluster of envoy_grpc"),
    );
    return undefined;
  }
  const allowed = config.node("allowed_headers");
  const only = await testsOf(allowed, mapping);
  if (only === undefined) return undefined;
  return {
    pool,
    path: "",
    asks: "grpc",
    lines: mapCallLines(service, [], mapping),
    copy: [],
    copyResponse: [],
    timeout: service!.number("timeout") ?? usualTimeout,
    tells: {
      context: Object.fromEntries(own?.mapOfTexts("context_extensions") ?? []),
      certificate: config.flag("include_peer_certificate") === true,
      serverName: config.flag("include_tls_session") === true,
    },
    only: allowed === undefined ? undefined : only,
  };
}

function shareOf(config: Node): Pick<ForwardAuth, "share"> {
  const percent = runtimePercent(config.node("filter_enabled")) ?? 100;
  if (percent >= 100) return {};
  const denies = config.node("deny_at_disable")?.flag("default_value") === true;
  return { share: { percent, others: denies ? "refuse" : "pass" } };
}

/** `BufferSettings`, of the route or of the filter. */
function bodyOf({ config, own }: Settings, { report }: Mapping): { readonly body?: AskedBody } {
  const terms = own?.node("with_request_body") ?? config.node("with_request_body");
  if (terms === undefined || own?.flag("disable_request_body_buffering") === true) return {};
  const wanted = terms.number("max_request_bytes") ?? 0;
  if (wanted === 0) report(errorAt(terms.path, "expected max_request_bytes, at least 1"));
  if (wanted > mostBody)
    report(warningAt(terms.at("max_request_bytes"), `is ${mostBody}: umay collects no more`));
  return {
    body: {
      most: Math.min(wanted, mostBody),
      mayBePart: terms.flag("allow_partial_message") === true,
      asBytes: terms.flag("pack_as_bytes") === true,
    },
  };
}
