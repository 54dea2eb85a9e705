import type { Fields } from "../../../../http/message.ts";
import { framed } from "../../../../lib/grpc-message.ts";
import { wire } from "../../../../lib/wire.ts";
import { block, bytes, flag, number, text, type Writer, written } from "../../../../lib/wire-write.ts";
import { type BodyMode, bodyModes, type Processor } from "../../../../model/http/processing.ts";

/*
 * The messages that a processor gets: `envoy.service.ext_proc.v3.ProcessingRequest`. Numbers are those of its fields.
 */

export type Direction = "request" | "response";

/** A part of a request or an answer. */
export type Part =
  | { readonly kind: "head"; readonly lines: readonly HeadLine[]; readonly isAll: boolean }
  | { readonly kind: "body"; readonly bytes: Uint8Array; readonly last: boolean }
  | { readonly kind: "trailers"; readonly lines: readonly HeadLine[] };

/** A field with its name in lower case; values have a character per byte. */
export type HeadLine = readonly [name: string, value: string];

/** The things that go along with a part. */
export interface Along {
  /** Facts about the request or the answer; undefined: they were sent already, or there are none. */
  readonly facts: ReadonlyMap<string, FactValue> | undefined;
  /** The first message of a call says how the processor is asked. */
  readonly terms: Processor | undefined;
  readonly looksOn: boolean;
}

export type FactValue = string | number | boolean | ReadonlyMap<string, string>;

const parts = {
  request: { head: 2, body: 4, trailers: 6 },
  response: { head: 3, body: 5, trailers: 7 },
} as const;

/** The key of facts, which is the filter's name in Envoy. */
export const factsKey = "envoy.filters.http.ext_proc";

/** A message about a part, with the prefix of gRPC. */
export const question = (direction: Direction, part: Part, { facts, terms, looksOn }: Along): Buffer =>
  framed(
    written((writer) => {
      block(writer, parts[direction][part.kind], () => writePart(writer, part));
      if (facts !== undefined)
        block(writer, 9, () => {
          text(writer, 1, factsKey);
          block(writer, 2, () => struct(writer, facts));
        });
      flag(writer, 10, looksOn);
      if (terms !== undefined)
        block(writer, 11, () => {
          number(writer, 1, modeNumber(terms.mode.request.body));
          number(writer, 2, modeNumber(terms.mode.response.body));
          flag(writer, 3, terms.sendsEarly);
        });
    }),
  );

function writePart(writer: Writer, part: Part): void {
  if (part.kind === "body") {
    bytes(writer, 1, part.bytes);
    flag(writer, 2, part.last);
    return;
  }
  block(writer, 1, () => {
    for (const [name, value] of part.lines)
      block(writer, 1, () => {
        text(writer, 1, name);
        bytes(writer, 3, Buffer.from(value, "latin1"));
      });
  });
  if (part.kind === "head") flag(writer, 3, part.isAll);
}

const modeNumber = (mode: BodyMode): number => bodyModes.indexOf(mode);

/** A `google.protobuf.Struct`. */
function struct(writer: Writer, values: ReadonlyMap<string, FactValue>): void {
  for (const [name, value] of values)
    block(writer, 1, () => {
      text(writer, 1, name);
      block(writer, 2, () => structValue(writer, value));
    });
}

function structValue(writer: Writer, value: FactValue): void {
  if (typeof value === "string") writer.tag(3, wire().WireType.LengthDelimited).string(value);
  else if (typeof value === "number") writer.tag(2, wire().WireType.Bit64).double(value);
  else if (typeof value === "boolean") writer.tag(4, wire().WireType.Varint).bool(value);
  else block(writer, 5, () => struct(writer, value));
}

/** The fields of trailers, or of a head, by their names. @param dropped not 0 where one is left out. */
export function linesOf(fields: Fields, dropped: Uint8Array | undefined): HeadLine[] {
  const lines: HeadLine[] = [];
  for (let index = 0; index < fields.count; index++)
    if (dropped === undefined || dropped[index] === 0)
      lines.push([fields.name(index).toLowerCase(), fields.value(index)]);
  return lines;
}
