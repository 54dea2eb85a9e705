import { importModule } from "./own-modules.ts";
import type * as Engine from "./wire-engine.ts";

/** The wire format of protobuf. */
export type Wire = typeof Engine;

let loaded: Promise<Wire> | undefined;
let ready: Wire | undefined;

/** Loads it, once: most configurations have no use for it. */
export function loadWire(): Promise<Wire> {
  loaded ??= importModule<Wire>("lib/wire-engine").then((wire) => {
    ready = wire;
    return wire;
  });
  return loaded;
}

/** It, for whoever knows that it is loaded. @throws where it is not, which is a defect. */
export function wire(): Wire {
  if (ready === undefined) throw new Error("the wire format of protobuf is not loaded");
  return ready;
}

type Reader = InstanceType<Wire["BinaryReader"]>;

/**
 * Goes through the fields of a message. @param take reads a field's value, or says that it does not want it.
 * @throws where the bytes are no message, or where {@link loadWire} has not loaded anything.
 */
export function eachField(bytes: Uint8Array, take: (number: number, reader: Reader) => boolean): void {
  const { BinaryReader } = wire();
  const reader: Reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (!take(number, reader)) reader.skip(type, number);
  }
}

/** The number in the first field of a message; 0: there is none. */
export function int32In(bytes: Uint8Array): number {
  let value = 0;
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    value = reader.int32();
    return true;
  });
  return value;
}
