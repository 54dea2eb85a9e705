import { type Wire, wire } from "./wire.ts";

/** Writes a message of protobuf. Fields that have the value that an absent one has are left out. */
export type Writer = InstanceType<Wire["BinaryWriter"]>;

/** A message, of the fields that `write` writes. @throws where `loadWire` has not loaded anything. */
export function written(write: (writer: Writer) => void): Uint8Array {
  const { BinaryWriter } = wire();
  const writer: Writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** A message within it. */
export function block(writer: Writer, field: number, write: () => void): void {
  writer.tag(field, wire().WireType.LengthDelimited).fork();
  write();
  writer.join();
}

export function bytes(writer: Writer, field: number, value: Uint8Array): void {
  if (value.length > 0) writer.tag(field, wire().WireType.LengthDelimited).bytes(value);
}

export function text(writer: Writer, field: number, value: string): void {
  if (value !== "") writer.tag(field, wire().WireType.LengthDelimited).string(value);
}

export function flag(writer: Writer, field: number, value: boolean): void {
  if (value) writer.tag(field, wire().WireType.Varint).bool(true);
}

/** @param value not negative. */
export function number(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.tag(field, wire().WireType.Varint).int64(value);
}

/** An entry of a map of texts. */
export function entry(writer: Writer, field: number, key: string, value: string): void {
  block(writer, field, () => {
    text(writer, 1, key);
    text(writer, 2, value);
  });
}
