import { BinaryReader } from "@bufbuild/protobuf/wire";

/** Values are nested no deeper than this. */
const deepest = 64;

/** Reads a `google.protobuf.Struct`. @throws where the bytes are none. */
export function readStruct(bytes: Uint8Array, depth = 0): Record<string, unknown> {
  if (depth > deepest) throw new Error("a struct is nested too deeply");
  const struct: Record<string, unknown> = {};
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number !== 1) {
      reader.skip(wire, number);
      continue;
    }
    const entry = new BinaryReader(reader.bytes());
    let key = "";
    let value: unknown = null;
    while (entry.pos < entry.len) {
      const [part, form] = entry.tag();
      if (part === 1) key = entry.string();
      else if (part === 2) value = readValue(entry.bytes(), depth + 1);
      else entry.skip(form, part);
    }
    struct[key] = value;
  }
  return struct;
}

/** A `google.protobuf.Value`. */
function readValue(bytes: Uint8Array, depth: number): unknown {
  const reader = new BinaryReader(bytes);
  let value: unknown = null;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) reader.int32();
    else if (number === 2) value = reader.double();
    else if (number === 3) value = reader.string();
    else if (number === 4) value = reader.bool();
    else if (number === 5) value = readStruct(reader.bytes(), depth);
    else if (number === 6) value = readList(reader.bytes(), depth);
    else reader.skip(wire, number);
  }
  return value;
}

function readList(bytes: Uint8Array, depth: number): unknown[] {
  const reader = new BinaryReader(bytes);
  const values: unknown[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) values.push(readValue(reader.bytes(), depth + 1));
    else reader.skip(wire, number);
  }
  return values;
}
