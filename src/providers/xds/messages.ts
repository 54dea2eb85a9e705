import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type Message, openAny, readWire, writeWire } from "../envoy/read/wire.ts";
import { messageType, nameOfAny } from "../envoy/schema/registry.ts";
import { type Kind, kindNames, kinds, type Received } from "./resources.ts";

/** Changes alone, or the state of the world. */
export type Protocol = "delta" | "sotw";

const discovery = "envoy.service.discovery.v3";

/** The method of a stream that brings all kinds. */
export const aggregated = (protocol: Protocol): string =>
  `/${discovery}.AggregatedDiscoveryService/${protocol === "delta" ? "Delta" : "Stream"}AggregatedResources`;

/** The method of a stream that brings one kind alone. */
export function methodOf(kind: Kind, protocol: Protocol): string {
  const { service, method } = kinds[kind];
  const name = `${method.slice(0, -1)}DiscoveryService`;
  return `/envoy.service.${service}.v3.${name}/${protocol === "delta" ? "Delta" : "Stream"}${method}`;
}

/** A response of a control plane, in one form for both protocols. */
export interface Response {
  /** Undefined: a kind that umay does not ask for. */
  readonly kind: Kind | undefined;
  readonly nonce: string;
  /** Of the whole state; empty where the control plane does not say. */
  readonly version: string;
  readonly received: readonly Received[];
  /** Names that are gone, where changes alone are sent. */
  readonly removed: readonly string[];
}

/** @throws where the bytes are no response. */
export function readResponse(protocol: Protocol, bytes: Uint8Array): Response {
  const delta = protocol === "delta";
  const type = messageType(`${discovery}.${delta ? "DeltaDiscoveryResponse" : "DiscoveryResponse"}`);
  const response = readWire(type, bytes, [], () => {});
  const url = response.text("type_url");
  const kind = kindNames.find((each) => kinds[each].type === nameOfAny(url));
  const nonce = response.text("nonce");
  if (kind === undefined) return { kind, nonce, version: "", received: [], removed: [] };
  if (delta) {
    const received = response.nodes("resources").map((each) => ({
      name: each.text("name"),
      version: each.text("version"),
      bytes: openAny(each.bytes("resource") ?? Buffer.alloc(0)).value,
    }));
    const version = response.text("system_version_info");
    return { kind, nonce, version, received, removed: response.texts("removed_resources") };
  }
  const version = response.text("version_info");
  const received = response.blocks("resources").map((block) => open(block, version));
  return { kind, nonce, version, received, removed: [] };
}

/** A resource of the state of the world; it may be wrapped in a message that has its name. */
function open(block: Uint8Array, version: string): Received {
  const { url, value } = openAny(block);
  if (nameOfAny(url) !== `${discovery}.Resource`) return { name: firstText(value), version, bytes: value };
  const wrapper = readWire(messageType(`${discovery}.Resource`), value, [], () => {});
  const bytes = openAny(wrapper.bytes("resource") ?? Buffer.alloc(0)).value;
  return {
    name: wrapper.text("name") || firstText(bytes),
    version: wrapper.text("version") || version,
    bytes,
  };
}

/** The first field of every kind is its name. Empty where the bytes can't be read, for which they are refused then. */
function firstText(bytes: Uint8Array): string {
  try {
    const reader = new BinaryReader(bytes);
    let name = "";
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      if (number === 1 && wire === WireType.LengthDelimited) name = reader.string();
      else reader.skip(wire, number);
    }
    return name;
  } catch {
    return "";
  }
}

/** INVALID_ARGUMENT of gRPC. */
const statusOf = (refusal: string | undefined): Message | undefined =>
  refusal === undefined ? undefined : { code: 3, message: refusal };

const urlOf = (kind: Kind): string => `type.googleapis.com/${kinds[kind].type}`;

/** A request for changes. */
export interface DeltaRequest {
  readonly node?: Message;
  readonly more?: readonly string[];
  readonly less?: readonly string[];
  /** Versions that are there, by name; with the first request of a stream. */
  readonly known?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly refusal?: string | undefined;
}

export const writeDelta = (
  kind: Kind,
  { node, more, less, known, nonce, refusal }: DeltaRequest,
): Uint8Array =>
  writeWire(messageType(`${discovery}.DeltaDiscoveryRequest`), {
    node,
    type_url: urlOf(kind),
    resource_names_subscribe: more ?? [],
    resource_names_unsubscribe: less ?? [],
    initial_resource_versions: known ?? {},
    response_nonce: nonce,
    error_detail: statusOf(refusal),
  });

/** A request for the state of the world. */
export interface WorldRequest {
  readonly node: Message;
  readonly version: string;
  readonly nonce: string;
  readonly names: Iterable<string>;
  readonly refusal: string | undefined;
}

export const writeWorld = (kind: Kind, { node, version, nonce, names, refusal }: WorldRequest): Uint8Array =>
  writeWire(messageType(`${discovery}.DiscoveryRequest`), {
    version_info: version,
    node,
    resource_names: [...names],
    type_url: urlOf(kind),
    response_nonce: nonce,
    error_detail: statusOf(refusal),
  });
