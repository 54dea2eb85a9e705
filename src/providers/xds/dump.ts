import { Items } from "../../lib/long-json.ts";
import { Node, type UnknownExtension, type Value } from "../envoy/node.ts";
import { readMessage } from "../envoy/read/message.ts";
import { readWire } from "../envoy/read/wire.ts";
import { messageType } from "../envoy/schema/registry.ts";
import type { Field } from "../envoy/schema/table.ts";
import { type Kind, kinds } from "./resources.ts";
import { secretField } from "./secrets.ts";
import type { XdsSource } from "./source.ts";

/** Stands where a secret would. */
const redacted = "[redacted]";

/** The resources of a configuration, as `GET /config_dump` of Envoy shows them. Secrets are not in it. */
export interface DumpOptions {
  /** Of the configuration itself; undefined: it is none of Envoy's. */
  readonly bootstrap: Node | undefined;
  readonly source: XdsSource | undefined;
  /** Whether endpoints are shown, too, of which there are many. */
  readonly endpoints: boolean;
}

/** The parts of a dump of one kind: their message, and the names of their lists. */
const parts = {
  cluster: {
    type: "Clusters",
    item: "cluster",
    fixed: "static_clusters",
    dynamic: "dynamic_active_clusters",
  },
  listener: { type: "Listeners", item: "listener", fixed: "static_listeners", dynamic: "dynamic_listeners" },
  routes: {
    type: "Routes",
    item: "route_config",
    fixed: "static_route_configs",
    dynamic: "dynamic_route_configs",
  },
  secret: { type: "Secrets", item: "secret", fixed: "static_secrets", dynamic: "dynamic_active_secrets" },
  endpoints: {
    type: "Endpoints",
    item: "endpoint_config",
    fixed: "static_endpoint_configs",
    dynamic: "dynamic_endpoint_configs",
  },
} as const satisfies Record<Kind, object>;

const admin = "type.googleapis.com/envoy.admin.v3";

/** `envoy.admin.v3.ConfigDump` for JSON; its resources are read when they are sent. */
export function dumpConfig({ bootstrap, source, endpoints }: DumpOptions): object {
  const shown = (["cluster", "endpoints", "listener", "routes", "secret"] as const).filter(
    (kind) => kind !== "endpoints" || endpoints,
  );
  const fixed = bootstrap?.node("static_resources");
  const own: Partial<Record<Kind, readonly Node[]>> = {
    cluster: fixed?.nodes("clusters") ?? [],
    listener: fixed?.nodes("listeners") ?? [],
    secret: fixed?.nodes("secrets") ?? [],
  };
  return {
    configs: [
      ...(bootstrap === undefined
        ? []
        : [{ "@type": `${admin}.BootstrapConfigDump`, bootstrap: messageOf(bootstrap) }]),
      ...shown.map((kind) => ({
        "@type": `${admin}.${parts[kind].type}ConfigDump`,
        [parts[kind].fixed]: new Items(() =>
          Iterator.from(own[kind] ?? []).map((node) => ({ [parts[kind].item]: anyOf(node) })),
        ),
        [parts[kind].dynamic]: new Items(() =>
          Iterator.from(source?.resources(kind) ?? []).map((each) => dynamicOf(kind, each)),
        ),
      })),
    ],
  };
}

type Shown = ReturnType<XdsSource["resources"]> extends Iterable<infer Each> ? Each : never;

function dynamicOf(kind: Kind, { origin, resource, refused }: Shown): object {
  const { name, version, bytes } = resource;
  const type = messageType(kinds[kind].type);
  const readAgain = (): Node =>
    origin.startsWith("file:")
      ? readMessage(type, JSON.parse(Buffer.from(bytes).toString()), [], () => {})
      : readWire(type, bytes, [], () => {});
  const node = resource.node ?? readAgain();
  const state = { version_info: version, [parts[kind].item]: anyOf(node) };
  const error = refused === undefined ? {} : { error_state: { details: refused } };
  if (kind === "listener") return { name, active_state: state, ...error };
  return kind === "secret" ? { name, ...state, ...error } : { ...state, ...error };
}

const anyOf = (node: Node): object => ({
  "@type": `type.googleapis.com/${node.type.name}`,
  ...messageOf(node),
});

/** A message in protobuf's JSON form, with the names of its fields as they are. */
function messageOf(node: Node): object {
  const hidden = secretField(node);
  const shown: Record<string, unknown> = {};
  for (const [name, value] of node.entries()) {
    const field = node.type.fields.get(name)!;
    shown[name] = name === hidden ? hide(name) : jsonOf(field, value);
  }
  return shown;
}

const hide = (field: string): string =>
  field === "inline_bytes" ? Buffer.from(redacted).toString("base64") : redacted;

function jsonOf(field: Field, value: Value): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, each]) => [key, singleOf(field, each as Value)]));
  return Array.isArray(value) ? value.map((each: Value) => singleOf(field, each)) : singleOf(field, value);
}

function singleOf({ type }: Field, value: Value): unknown {
  if (value instanceof Node) return type === "any" ? anyOf(value) : messageOf(value);
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (type === "duration") return `${(value as number) / 1_000}s`;
  if (type === "struct") return JSON.parse(value as string) as unknown;
  return type === "any" ? { "@type": (value as UnknownExtension).url } : value;
}
