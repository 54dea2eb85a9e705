import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { type Entry, Node, type UnknownExtension, type Value } from "../node.ts";
import { messageType, typeOfAny } from "../schema/registry.ts";
import type { EnumType, Field, MessageType, Scalar } from "../schema/table.ts";
import { readStruct } from "./struct.ts";

type Report = (finding: Finding) => void;

/** Messages are nested no deeper than this. */
const deepest = 64;

/**
 * Reads a message as a control plane sent it. A field that the table does not have is warned of: the sender may be newer.
 * @throws where the bytes are no message.
 */
export function readWire(type: MessageType, bytes: Uint8Array, path: Path, report: Report): Node {
  if (path.length > deepest) throw new Error("a message is nested too deeply");
  const reader = new BinaryReader(bytes);
  const entries = new Map<string, Entry>();
  const lists = new Map<string, Value[]>();
  const maps = new Map<string, Map<string, Value>>();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = type.byNumber.get(number);
    if (field === undefined || field.treatment !== "mapped") {
      reader.skip(wire, number);
      tellUnused(type, number, field, path, report);
      continue;
    }
    // Nothing is told of a plain value, and of ten thousand resources every path counts.
    const below = typeof field.type === "string" && field.type !== "any" ? path : [...path, field.name];
    if (field.map) {
      const [key, value] = readMapEntry(field, reader.bytes(), below, report);
      const values = maps.get(field.name) ?? new Map<string, Value>();
      maps.set(field.name, values.set(key, value));
      entries.set(field.name, { key: field.name, value: values });
    } else if (field.repeated) {
      const values = lists.get(field.name) ?? [];
      lists.set(field.name, values);
      entries.set(field.name, { key: field.name, value: values });
      readRepeated(field, wire, reader, values, below, report);
    } else entries.set(field.name, { key: field.name, value: readValue(field.type, reader, below, report) });
  }
  return new Node(type, path, entries);
}

function tellUnused(
  type: MessageType,
  number: number,
  field: Field | undefined,
  path: Path,
  report: Report,
): void {
  if (field === undefined)
    report(warningAt(path, `${type.name} has no field ${number} here; it has no effect`));
  else if (field.treatment === "refused") report(errorAt([...path, field.name], field.why));
  else if (field.treatment === "warned")
    report(warningAt([...path, field.name], `has no effect: ${field.why}`));
}

function readRepeated(
  field: Field,
  wire: WireType,
  reader: BinaryReader,
  values: Value[],
  path: Path,
  report: Report,
): void {
  const { type } = field;
  const isPacked =
    wire === WireType.LengthDelimited &&
    (typeof type === "object" ? type.kind === "enum" : /^(bool|double|float|u?int(32|64))$/.test(type));
  if (!isPacked) {
    const below = typeof type === "string" && type !== "any" ? path : [...path, values.length];
    values.push(readValue(type, reader, below, report));
    return;
  }
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) values.push(readValue(type, packed, [...path, values.length], report));
}

function readMapEntry(field: Field, bytes: Uint8Array, path: Path, report: Report): [string, Value] {
  const reader = new BinaryReader(bytes);
  let key = "";
  let value: Value = "";
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(field.type, reader, [...path, key], report);
    else reader.skip(wire, number);
  }
  return [key, value];
}

function readValue(type: Field["type"], reader: BinaryReader, path: Path, report: Report): Value {
  if (typeof type === "string")
    return type === "any" ? readAny(reader.bytes(), path, report) : readScalar(type, reader);
  if (type.kind === "message") return readWire(type, reader.bytes(), path, report);
  const number = reader.int32();
  return enumName(type, number) ?? unknownEnum(type, number, path, report);
}

const enumName = ({ values }: EnumType, number: number): string | undefined =>
  [...values].find(([, value]) => value === number)?.[0];

function unknownEnum({ name }: EnumType, number: number, path: Path, report: Report): string {
  report(errorAt(path, `${name} has no value ${number}`));
  return "";
}

function readAny(bytes: Uint8Array, path: Path, report: Report): Node | UnknownExtension {
  const { url, value } = openAny(bytes);
  const type = typeOfAny(url);
  return type === undefined ? { url, path } : readWire(type, value, path, report);
}

/** The URL of an `Any`'s type, and its bytes. */
export function openAny(bytes: Uint8Array): { readonly url: string; readonly value: Uint8Array } {
  const reader = new BinaryReader(bytes);
  let url = "";
  let value: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) url = reader.string();
    else if (number === 2) value = reader.bytes();
    else reader.skip(wire, number);
  }
  return { url, value };
}

function readScalar(type: Exclude<Scalar, "any">, reader: BinaryReader): Value {
  switch (type) {
    case "string":
      return reader.string();
    case "bool":
      return reader.bool();
    case "bytes":
      return Buffer.from(reader.bytes());
    case "double":
      return reader.double();
    case "float":
      return reader.float();
    case "int32":
      return reader.int32();
    case "uint32":
      return reader.uint32();
    case "int64":
      return Number(reader.int64());
    case "uint64":
      return Number(reader.uint64());
    case "duration":
      return readDuration(reader.bytes());
    case "struct":
      return JSON.stringify(readStruct(reader.bytes()));
    case "message":
      reader.bytes();
      return "{}";
    default:
      return readWrapper(type, reader.bytes());
  }
}

/** In milliseconds. */
function readDuration(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let ms = 0;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) ms += Number(reader.int64()) * 1_000;
    else if (number === 2) ms += reader.int32() / 1_000_000;
    else reader.skip(wire, number);
  }
  return Math.round(ms);
}

const wrapped = {
  StringValue: "string",
  BoolValue: "bool",
  DoubleValue: "double",
  FloatValue: "float",
  Int32Value: "int32",
  Int64Value: "int64",
  UInt32Value: "uint32",
  UInt64Value: "uint64",
  BytesValue: "bytes",
} as const;

const defaults: Readonly<Record<string, Value>> = { string: "", bool: false, bytes: Buffer.alloc(0) };

function readWrapper(type: keyof typeof wrapped, bytes: Uint8Array): Value {
  const inner = wrapped[type];
  const reader = new BinaryReader(bytes);
  let value: Value = defaults[inner] ?? 0;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) value = readScalar(inner, reader);
    else reader.skip(wire, number);
  }
  return value;
}

/** A message to write: by the names of its table. Enums are names, an `Any` is `{ "@type": name, … }`. */
export interface Message {
  readonly [field: string]: unknown;
}

/** Writes a message. @throws where a field is none of its table's. */
export function writeWire(type: MessageType, message: Message): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined || name === "@type") continue;
    const field = type.fields.get(name);
    if (field === undefined) throw new Error(`${type.name} has no field ${name}`);
    if (field.map)
      for (const [key, one] of Object.entries(value as Message)) {
        const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key);
        writeValue(entry, 2, field.type, one);
        writer.tag(field.number, WireType.LengthDelimited).bytes(entry.finish());
      }
    else
      for (const one of field.repeated ? (value as readonly unknown[]) : [value])
        writeValue(writer, field.number, field.type, one);
  }
  return writer.finish();
}

function writeValue(writer: BinaryWriter, number: number, type: Field["type"], value: unknown): void {
  const block = (bytes: Uint8Array): unknown => writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  const varint = (): BinaryWriter => writer.tag(number, WireType.Varint);
  if (typeof type === "object") {
    if (type.kind === "message") block(writeWire(type, value as Message));
    else varint().int32(type.values.get(String(value)) ?? 0);
    return;
  }
  if (type in wrapped) {
    const inner = new BinaryWriter();
    writeValue(inner, 1, wrapped[type as keyof typeof wrapped], value);
    block(inner.finish());
  } else if (type === "string") writer.tag(number, WireType.LengthDelimited).string(String(value));
  else if (type === "bytes") block(value as Uint8Array);
  else if (type === "bool") varint().bool(Boolean(value));
  else if (type === "double") writer.tag(number, WireType.Bit64).double(Number(value));
  else if (type === "any") block(writeAny(value as Message));
  else if (type === "struct") block(writeStruct(value as Message));
  else if (type === "duration") block(writeDuration(Number(value)));
  else varint().int64(Number(value));
}

/** An `Any` with a message of the tables. */
export function writeAny(value: Message): Uint8Array {
  const name = String(value["@type"]);
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(`type.googleapis.com/${name}`)
    .tag(2, WireType.LengthDelimited)
    .bytes(writeWire(messageType(name), value))
    .finish();
}

/** @param ms in milliseconds. */
function writeDuration(ms: number): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.Varint)
    .int64(Math.trunc(ms / 1_000))
    .tag(2, WireType.Varint)
    .int32((ms % 1_000) * 1_000_000)
    .finish();
}

/** A `google.protobuf.Struct`. */
function writeStruct(struct: Message): Uint8Array {
  const writer = new BinaryWriter();
  for (const [key, value] of Object.entries(struct)) {
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key);
    entry.tag(2, WireType.LengthDelimited).bytes(writeJson(value));
    writer.tag(1, WireType.LengthDelimited).bytes(entry.finish());
  }
  return writer.finish();
}

/** A `google.protobuf.Value`. */
function writeJson(value: unknown): Uint8Array {
  const writer = new BinaryWriter();
  if (value === null) writer.tag(1, WireType.Varint).int32(0);
  else if (typeof value === "number") writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === "boolean") writer.tag(4, WireType.Varint).bool(value);
  else if (Array.isArray(value)) {
    const list = new BinaryWriter();
    for (const one of value) list.tag(1, WireType.LengthDelimited).bytes(writeJson(one));
    writer.tag(6, WireType.LengthDelimited).bytes(list.finish());
  } else if (typeof value === "object")
    writer.tag(5, WireType.LengthDelimited).bytes(writeStruct(value as Message));
  else writer.tag(3, WireType.LengthDelimited).string(String(value));
  return writer.finish();
}
