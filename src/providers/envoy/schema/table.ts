/** Types of fields that are no messages of the tables. `…Value` are protobuf's wrappers, whose absence can be told. */
export const scalars = [
  "string",
  "bool",
  "bytes",
  "double",
  "float",
  "int32",
  "int64",
  "uint32",
  "uint64",
  "duration",
  "struct",
  "any",
  "StringValue",
  "BoolValue",
  "DoubleValue",
  "FloatValue",
  "Int32Value",
  "Int64Value",
  "UInt32Value",
  "UInt64Value",
  "BytesValue",
  /** A message that is known by name only, because the field is not mapped. */
  "message",
] as const;
export type Scalar = (typeof scalars)[number];

/** The treatment of a field. `ignored`: nothing, and rightly so; `warned`: nothing, and it says so; `refused`: an error. */
export type Treatment = "mapped" | "ignored" | "warned" | "refused";

export interface Field {
  readonly name: string;
  /** Its number on the wire. */
  readonly number: number;
  readonly type: Scalar | MessageType | EnumType;
  readonly repeated: boolean;
  /** Whether it is a map from texts. */
  readonly map: boolean;
  readonly treatment: Treatment;
  /** Why it is not mapped; empty where it is. */
  readonly why: string;
}

/** A message of Envoy's API, version 3. */
export interface MessageType {
  readonly kind: "message";
  /** Its full name: `envoy.config.listener.v3.Listener`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly byNumber: ReadonlyMap<number, Field>;
}

export interface EnumType {
  readonly kind: "enum";
  readonly name: string;
  /** By name, in the order of the table. */
  readonly values: ReadonlyMap<string, number>;
}

const treatments: Readonly<Record<string, Treatment>> = { "-": "ignored", "!": "warned", x: "refused" };

/** `3 filter_chains envoy.….FilterChain[] - why it is ignored` */
const fieldLine = /^(\d+) (\w+) ([\w.]+)(\[\]|\{\})?(?: ([-!x])(?: (.*))?)?$/;

/**
 * Reads tables: of each message a line `message NAME` and a line for every field, with number, name, type (`[]`: a list,
 * `{}`: a map) and, unless it is mapped, its treatment: `-` ignored, `!` warned of, `x` refused, with the reason. Of each
 * enum a line `enum NAME` and its numbers and names.
 * @throws where a table is wrong, which a test finds out.
 */
export function readTable(text: string): ReadonlyMap<string, MessageType | EnumType> {
  const types = new Map<string, MessageType | EnumType>();
  const open: (() => void)[] = [];
  for (const block of text.trim().split(/\n{2,}/)) {
    const [head = "", ...lines] = block.trim().split("\n");
    const [kind, name = ""] = head.split(" ");
    if (kind === "enum") {
      const values = lines
        .map((line) => line.split(" "))
        .map(([number, key]) => [key!, Number(number)] as const);
      types.set(name, { kind, name, values: new Map(values) });
      continue;
    }
    const fields = new Map<string, Field>();
    const byNumber = new Map<number, Field>();
    types.set(name, { kind: "message", name, fields, byNumber });
    // Types may be named before they are described.
    open.push(() => {
      for (const line of lines) {
        const field = readField(line, types);
        fields.set(field.name, field);
        byNumber.set(field.number, field);
      }
    });
  }
  for (const fill of open) fill();
  return types;
}

function readField(line: string, types: ReadonlyMap<string, MessageType | EnumType>): Field {
  const [, number, name = "", type = "", many, mark, why = ""] = fieldLine.exec(line) ?? [];
  const known = types.get(type) ?? scalars.find((scalar) => scalar === type);
  if (number === undefined || known === undefined) throw new Error(`a wrong line in a table: ${line}`);
  return {
    name,
    number: Number(number),
    type: known,
    repeated: many === "[]",
    map: many === "{}",
    treatment: mark === undefined ? "mapped" : treatments[mark]!,
    why: mark === "x" && why === "" ? "umay can't do this yet" : why,
  };
}
