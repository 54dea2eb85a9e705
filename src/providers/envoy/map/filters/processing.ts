import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { TextTest } from "../../../../model/http/match.ts";
import {
  type BodyMode,
  type ChangeRules,
  type ProcessingFact,
  type ProcessingMode,
  type Processor,
  processingFacts,
  type SideMode,
} from "../../../../model/http/processing.ts";
import type { Node } from "../../node.ts";
import { mapCallLines } from "../call-lines.ts";
import type { Mapping } from "../context.ts";
import { mapRegex } from "../match.ts";
import { testsOf } from "./name-tests.ts";
import type { ApplyFilter } from "./registry.ts";
import { statusOf } from "./status.ts";

/** In milliseconds, of Envoy. */
const usualTimeout = 200;
/** The most that Envoy collects of a body unless a listener says otherwise, in bytes. */
const usualBuffer = 1_048_576;

/** `ExternalProcessor`: a server has a say in requests and answers. */
export const applyProcessing: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  if (own?.flag("disabled") === true) return;
  const overrides = own?.node("overrides");
  const guard = await guards.nameOf(overrides ?? config, "process", name, (label) =>
    processorOf(config, overrides, { label, name }, mapping),
  );
  if (guard !== undefined) parts.guards.push([guard]);
};

async function processorOf(
  config: Node,
  overrides: Node | undefined,
  { label, name }: { readonly label: string; readonly name: string },
  mapping: Mapping,
): Promise<Processor | undefined> {
  const { report } = mapping;
  const server = serverOf(config, overrides, mapping);
  if (server === undefined) return undefined;
  const looksOn = config.flag("observability_mode") === true;
  const mode = modeOf(overrides?.node("processing_mode") ?? config.node("processing_mode"), mapping);
  if (server.http !== undefined && (hasMore(mode.request) || hasMore(mode.response)))
    report(errorAt(config.at("processing_mode"), "over HTTP a server gets heads alone"));
  const modes = config.nodes("allowed_override_modes").map((each) => modeOf(each, mapping));
  const rules = await rulesOf(config.node("mutation_rules"), mapping);
  const forward = config.node("forward_rules");
  const only = await testsOf(forward?.node("allowed_headers"), mapping);
  const never = await testsOf(forward?.node("disallowed_headers"), mapping);
  if (rules === undefined || only === undefined || never === undefined) return undefined;
  const passes = overrides?.flag("failure_mode_allow") ?? config.flag("failure_mode_allow");
  return {
    kind: "process",
    name: label,
    filter: name,
    ...server,
    mode: looksOn ? watchedMode(mode) : mode,
    modes: config.flag("allow_mode_override") === true ? (modes.length > 0 ? modes : "any") : [],
    timeout: Math.min(config.number("message_timeout") ?? usualTimeout, server.timeout),
    longestTimeout: config.number("max_message_timeout") ?? 0,
    onFailure: passes === true ? "pass" : "refuse",
    failureStatus: statusOf(config.node("status_on_error")) ?? 500,
    buffer: mapping.buffer ?? usualBuffer,
    sees: { only, never },
    rules,
    facts: {
      request: factsOf(config, "request_attributes", mapping),
      response: factsOf(config, "response_attributes", mapping),
    },
    looksOn,
    mayAnswer: config.flag("disable_immediate_response") !== true,
    reroutes: reroutesOf(config),
    sendsEarly: config.flag("send_body_without_waiting_for_header_response") === true,
  };
}

const hasMore = ({ body, trailers }: SideMode): boolean => body !== "none" || trailers;

/** The server that is asked. @property timeout in milliseconds. */
interface Server extends Pick<Processor, "pool" | "http" | "lines" | "timeout"> {}

function serverOf(config: Node, overrides: Node | undefined, mapping: Mapping): Server | undefined {
  const { report } = mapping;
  const own = overrides?.node("grpc_service");
  const http = own === undefined ? config.node("http_service")?.node("http_service") : undefined;
  const service = own ?? config.node("grpc_service");
  const uri = http?.node("http_uri");
  const pool =
    (http === undefined ? service?.node("envoy_grpc")?.text("cluster_name") : uri?.text("cluster")) ?? "";
  if (pool === "") {
    report(
      errorAt(
        config.path,
        "expected grpc_service with the cluster of envoy_grpc, or http_service with one of http_uri",
      ),
    );
    return undefined;
  }
  if (http === undefined) {
    const more = overrides?.nodes("grpc_initial_metadata") ?? [];
    return { pool, lines: mapCallLines(service, more, mapping), timeout: Number.POSITIVE_INFINITY };
  }
  const url = URL.parse(uri!.text("uri"));
  if (url === null) {
    report(errorAt(uri!.at("uri"), "expected a URL"));
    return undefined;
  }
  const added = http.nodes("request_headers_to_add").flatMap((option) => option.node("header") ?? []);
  return {
    pool,
    http: { host: url.host, path: url.pathname, query: url.search },
    lines: mapCallLines(undefined, added, mapping),
    timeout: uri!.number("timeout") ?? Number.POSITIVE_INFINITY,
  };
}

function reroutesOf(config: Node): Processor["reroutes"] {
  const action = config.text("route_cache_action");
  if (action === "CLEAR") return "always";
  return action === "RETAIN" || config.flag("disable_clear_route_cache") === true ? "never" : "asked";
}

const bodies: Readonly<Record<string, BodyMode>> = {
  STREAMED: "streamed",
  BUFFERED: "buffered",
  BUFFERED_PARTIAL: "partial",
  FULL_DUPLEX_STREAMED: "duplex",
};

/** A `ProcessingMode`: without one, the heads alone. */
function modeOf(mode: Node | undefined, { report }: Mapping): ProcessingMode {
  const side = (of: "request" | "response"): ProcessingMode["request"] => {
    const body = mode?.text(`${of}_body_mode`) ?? "";
    const trailers = mode?.text(`${of}_trailer_mode`) === "SEND";
    if (body === "GRPC")
      report(errorAt(mode!.at(`${of}_body_mode`), "sends no body, nor does Envoy: use FULL_DUPLEX_STREAMED"));
    if (body === "FULL_DUPLEX_STREAMED" && !trailers)
      report(errorAt(mode!.at(`${of}_body_mode`), `needs ${of}_trailer_mode: SEND`));
    return { head: mode?.text(`${of}_header_mode`) !== "SKIP", body: bodies[body] ?? "none", trailers };
  };
  return { request: side("request"), response: side("response") };
}

/** Whoever looks on gets bodies in parts, or none. */
function watchedMode({ request, response }: ProcessingMode): ProcessingMode {
  const side = (of: ProcessingMode["request"]): ProcessingMode["request"] => ({
    ...of,
    body: of.body === "streamed" ? "streamed" : "none",
  });
  return { request: side(request), response: side(response) };
}

async function rulesOf(rules: Node | undefined, mapping: Mapping): Promise<ChangeRules | undefined> {
  const test = async (name: string): Promise<TextTest | undefined | "none"> => {
    const matcher = rules?.node(name);
    if (matcher === undefined) return "none";
    const value = await mapRegex(matcher, mapping);
    return value === undefined ? undefined : { kind: "regex", value, ignoreCase: false };
  };
  const [allow, deny] = [await test("allow_expression"), await test("disallow_expression")];
  if (allow === undefined || deny === undefined) return undefined;
  return {
    routing: rules?.flag("allow_all_routing") === true,
    internal: rules?.flag("allow_envoy") === true,
    system: rules?.flag("disallow_system") !== true,
    others: rules?.flag("disallow_all") !== true,
    allow: allow === "none" ? undefined : allow,
    deny: deny === "none" ? undefined : deny,
    strict: rules?.flag("disallow_is_error") === true,
  };
}

function factsOf(
  config: Node,
  field: "request_attributes" | "response_attributes",
  { report }: Mapping,
): readonly ProcessingFact[] {
  return config.texts(field).flatMap((name) => {
    const known = processingFacts.find((fact) => fact === name);
    if (known === undefined)
      report(warningAt(config.at(field), `${JSON.stringify(name)} has no effect: umay does not know it`));
    return known ?? [];
  });
}
