import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/** The messages and enums of Envoy's API, by full name. */
export interface Descriptors {
  readonly messages: ReadonlyMap<string, DescriptorProto>;
  readonly enums: ReadonlyMap<string, EnumDescriptorProto>;
}

/** Reads the descriptors that a program of C++ has of its messages, each file's in one piece. @param program its bytes. */
export function readDescriptors(program: Buffer): Descriptors {
  const messages = new Map<string, DescriptorProto>();
  const enums = new Map<string, EnumDescriptorProto>();
  const take = (scope: string, types: readonly DescriptorProto[], values: readonly EnumDescriptorProto[]) => {
    for (const each of values) enums.set(`${scope}.${each.name}`, each);
    for (const each of types) {
      const name = `${scope}.${each.name}`;
      messages.set(name, each);
      take(name, each.nestedType, each.enumType);
    }
  };
  for (const { package: scope, messageType, enumType } of filesIn(program))
    take(scope, messageType, enumType);
  return { messages, enums };
}

/** A file's name is the first field of its descriptor, its package the second. */
const afterName = Buffer.from(".proto\x12");
const longestName = 127;

function* filesIn(program: Buffer): Generator<FileDescriptorProto> {
  for (let at = program.indexOf(afterName); at >= 0; at = program.indexOf(afterName, at + 1)) {
    const end = at + afterName.length - 1;
    for (let length = afterName.length; length <= longestName; length++) {
      const start = end - length - 2;
      if (program[start] !== 0x0a || program[start + 1] !== length) continue;
      if (!/^[\w./-]+$/.test(program.toString("latin1", start + 2, end))) continue;
      yield fromBinary(FileDescriptorProtoSchema, program.subarray(start, endOf(program, start)));
      break;
    }
  }
}

/** Its fields stand in the order of their numbers; behind the last are the next descriptor, or zeros. */
function endOf(program: Buffer, start: number): number {
  const reader = new BinaryReader(program.subarray(start));
  for (let last = 0; ; ) {
    const next = program[start + reader.pos]! >>> 3;
    if (next < last || next === 0) return start + reader.pos;
    const [number, wire] = reader.tag();
    reader.skip(wire, number);
    last = number;
  }
}
