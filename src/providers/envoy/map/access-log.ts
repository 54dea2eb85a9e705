import { hostname } from "node:os";
import { resolve } from "node:path";
import { errorAt, type Path, warningAt } from "../../../lib/findings.ts";
import {
  type AccessFormat,
  fieldsInFormat,
  type LinePart,
  type ListenerLog,
  mayBeSecret,
  type ObjectFormat,
} from "../../../model/access-log.ts";
import type { Node } from "../node.ts";
import { mapLogFilter } from "./access-log-filter.ts";
import type { Mapping } from "./context.ts";
import { textOf } from "./material.ts";
import { operators } from "./operators.ts";

/** Envoy's format where none is given. */
const usual =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"';

/** The operators that lines know, with umay's fields. */
export const lineOperators: Readonly<Record<string, string>> = {
  START_TIME: "envoy.start",
  PROTOCOL: "protocol",
  RESPONSE_CODE: "envoy.status",
  RESPONSE_CODE_DETAILS: "reason",
  RESPONSE_FLAGS: "envoy.flags",
  GRPC_STATUS: "envoy.grpc_status",
  "GRPC_STATUS(CAMEL_STRING)": "envoy.grpc_status",
  "GRPC_STATUS(SNAKE_STRING)": "envoy.grpc_status_name",
  "GRPC_STATUS(NUMBER)": "envoy.grpc_status_number",
  GRPC_STATUS_NUMBER: "envoy.grpc_status_number",
  BYTES_RECEIVED: "received",
  BYTES_SENT: "sent",
  DURATION: "envoy.duration",
  RESPONSE_DURATION: "envoy.first_byte",
  RESPONSE_TX_DURATION: "envoy.sending",
  UPSTREAM_HOST: "backend",
  UPSTREAM_REMOTE_ADDRESS: "backend",
  UPSTREAM_CLUSTER: "pool",
  UPSTREAM_CLUSTER_RAW: "pool",
  UPSTREAM_TRANSPORT_FAILURE_REASON: "envoy.failure",
  CONNECTION_TERMINATION_DETAILS: "envoy.nothing",
  UPSTREAM_REQUEST_ATTEMPT_COUNT: "attempts",
  ROUTE_NAME: "envoy.route",
  DOWNSTREAM_REMOTE_ADDRESS: "envoy.client",
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: "client",
  TRACE_ID: "trace",
  STREAM_ID: "id",
  "REQ(:METHOD)": "method",
  "REQ(:PATH)": "path",
  "PATH(NQ)": "path",
  "REQ(:AUTHORITY)": "host",
  "REQ(HOST)": "host",
  "REQ(X-REQUEST-ID)": "id",
  "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)": "envoy.first_byte",
};

/** The access logs of a connection manager; those that umay can't write are told of. */
export async function mapAccessLogs(
  logs: readonly Node[],
  mapping: Mapping,
): Promise<readonly ListenerLog[]> {
  const mapped = await Promise.all(logs.map((log) => mapLog(log, mapping)));
  return mapped.filter((log) => log !== undefined);
}

async function mapLog(log: Node, mapping: Mapping): Promise<ListenerLog | undefined> {
  const config = log.extension("typed_config");
  const file = fileOf(config !== undefined && "type" in config ? config : undefined, mapping);
  if (config === undefined || !("type" in config) || file === undefined) {
    mapping.report(
      warningAt(log.path, "has no effect: umay writes lines to files, standard output and standard error"),
    );
    return undefined;
  }
  const format = await formatOf(config, mapping);
  const filter = log.node("filter");
  return {
    file,
    format,
    ...fieldsInFormat(format),
    ...(filter !== undefined && { filter: await mapLogFilter(filter, mapping) }),
  };
}

function fileOf(config: Node | undefined, { directory, report }: Mapping): string | undefined {
  switch (config?.kind) {
    case "FileAccessLog": {
      const path = config.text("path");
      if (path === "") report(errorAt(config.path, "has no path"));
      return resolve(directory, path);
    }
    case "StdoutAccessLog":
      return "/dev/stdout";
    case "StderrAccessLog":
      return "/dev/stderr";
    default:
      return undefined;
  }
}

async function formatOf(config: Node, mapping: Mapping): Promise<AccessFormat> {
  const format = config.node("log_format");
  const old = (name: string): string => (config.type.fields.has(name) ? config.text(name) : "");
  const omits = format?.flag("omit_empty_values") === true ? { omitsEmpty: true as const } : {};
  const json = format?.text("json_format") || old("json_format") || old("typed_json_format");
  if (json !== "")
    return {
      ...omits,
      kind: "object",
      fields: objectOf(JSON.parse(json), format?.at("json_format") ?? config.path, mapping),
    };
  const source = format?.node("text_format_source");
  const read = source && (await textOf(source, "the format", mapping));
  const text = read || format?.text("text_format") || old("format") || `${usual}\n`;
  // Every line ends by itself.
  return {
    ...omits,
    kind: "text",
    parts: partsOf(text.replace(/\n$/, ""), format?.path ?? config.path, mapping),
  };
}

function objectOf(tree: unknown, path: Path, mapping: Mapping): ObjectFormat {
  return Object.entries(tree as Record<string, unknown>).map(([key, value]) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return [key, { fields: objectOf(value, [...path, key], mapping) }];
    return [
      key,
      {
        parts: typeof value === "string" ? partsOf(value, [...path, key], mapping) : [JSON.stringify(value)],
      },
    ];
  });
}

function partsOf(text: string, path: Path, { report }: Mapping): readonly LinePart[] {
  return text.split(/(%%|%[A-Z_0-9]+(?:\([^)%]*(?:%[^)]*)?\))?(?::\d+)?%)/).flatMap((piece): LinePart[] => {
    if (piece === "") return [];
    if (piece === "%%") return ["%"];
    const [, name, most] = /^%(.+?)(?::(\d+))?%$/.exec(piece) ?? [];
    if (name === undefined) return [piece];
    if (name === "HOSTNAME") return [hostname()];
    if (name.startsWith("START_TIME("))
      report(warningAt(path, `has ${piece}: umay writes that time as ISO 8601`));
    const parts = alternatives(name.replace(/^START_TIME\(.*$/, "START_TIME"));
    const known = parts.filter((part) => part !== undefined);
    if (known.length === parts.length && parts.length > 0) {
      const [only] = known;
      return known.length === 1 && most === undefined
        ? [only!]
        : [{ either: known, most: most === undefined ? undefined : Number(most) }];
    }
    report(warningAt(path, `has no value for ${piece}: lines have - there`));
    return ["-"];
  });
}

/** The operators for fields, with their older names. */
const sides: Readonly<Record<string, string>> = {
  REQ: "REQ",
  REQUEST_HEADER: "REQ",
  RESP: "RESP",
  RESPONSE_HEADER: "RESP",
  TRAILER: "TRAILER",
  RESPONSE_TRAILER: "TRAILER",
};

/** `REQ(A?B)` is the first of them that there is. Undefined where umay knows nothing of it. */
function alternatives(name: string): readonly (LinePart | undefined)[] {
  const [, of = "", names] = /^([A-Z_]+)\(([^)]+)\)$/.exec(name) ?? [];
  const side = sides[of];
  if (side === undefined || names === undefined) return [partOf(name)];
  return names.split("?").map((each) => partOf(`${side}(${each.toUpperCase()})`));
}

function partOf(name: string): LinePart | undefined {
  const field = lineOperators[name];
  if (field !== undefined) return { field };
  const variable = operators[name];
  if (variable !== undefined) return { variable };
  const [, side, header = ""] = /^(REQ|RESP|TRAILER)\(([A-Z0-9_-]+)\)$/.exec(name) ?? [];
  const lower = header.toLowerCase();
  if (side === undefined || mayBeSecret(lower)) return undefined;
  if (side === "REQ") return { request: lower };
  return side === "RESP" ? { response: lower } : { trailer: lower };
}
