import { eachField, type Wire, wire } from "../lib/wire.ts";
import type { Attribute, encodeSpans } from "./encode.ts";

/*
 * The same in protobuf (opentelemetry-proto 1.5): a request of `TraceService.Export`, and its answer. Numbers are those of
 * the messages' fields.
 */

type Writer = InstanceType<Wire["BinaryWriter"]>;

/** Spans as `ExportTraceServiceRequest`. */
export function spansMessage({ resourceSpans }: ReturnType<typeof encodeSpans>): Uint8Array {
  const { BinaryWriter } = wire();
  const writer: Writer = new BinaryWriter();
  for (const { resource, scopeSpans } of resourceSpans)
    block(writer, 1, () => {
      block(writer, 1, () => attributes(writer, 1, resource.attributes));
      for (const { scope, spans } of scopeSpans)
        block(writer, 2, () => {
          block(writer, 1, () => {
            text(writer, 1, scope.name);
            text(writer, 2, scope.version);
          });
          for (const span of spans) block(writer, 2, () => writeSpan(writer, span));
        });
    });
  return writer.finish();
}

type Span = ReturnType<typeof encodeSpans>["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

function writeSpan(writer: Writer, span: Span): void {
  const { WireType } = wire();
  const id = (number: number, digits: string): void => {
    writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(digits, "hex"));
  };
  id(1, span.traceId);
  id(2, span.spanId);
  text(writer, 3, span.traceState ?? "");
  if (span.parentSpanId !== undefined) id(4, span.parentSpanId);
  text(writer, 5, span.name);
  writer.tag(6, WireType.Varint).int32(span.kind);
  writer.tag(7, WireType.Bit64).fixed64(span.startTimeUnixNano);
  writer.tag(8, WireType.Bit64).fixed64(span.endTimeUnixNano);
  attributes(writer, 9, span.attributes);
  const { status } = span;
  if (status === undefined) return;
  block(writer, 15, () => {
    text(writer, 2, status.message);
    writer.tag(3, WireType.Varint).int32(status.code);
  });
}

function attributes(writer: Writer, number: number, values: readonly Attribute[]): void {
  const { WireType } = wire();
  for (const { key, value } of values)
    block(writer, number, () => {
      text(writer, 1, key);
      block(writer, 2, () => {
        if ("stringValue" in value) writer.tag(1, WireType.LengthDelimited).string(value.stringValue);
        else if ("intValue" in value) writer.tag(3, WireType.Varint).int64(value.intValue);
        else writer.tag(4, WireType.Bit64).double(value.doubleValue);
      });
    });
}

function block(writer: Writer, number: number, write: () => void): void {
  writer.tag(number, wire().WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: Writer, number: number, value: string): void {
  if (value !== "") writer.tag(number, wire().WireType.LengthDelimited).string(value);
}

/** The part of a report that a collector refused (`partial_success` of its answer). */
export interface Refused {
  readonly count: number;
  readonly message: string;
}

/** @param bytes an `ExportTraceServiceResponse`. @throws where it is none. */
export function readRefused(bytes: Uint8Array): Refused {
  let [count, message] = [0, ""];
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    eachField(reader.bytes(), (part, inner) => {
      if (part === 1) count = Number(inner.int64());
      else if (part === 2) message = inner.string();
      else return false;
      return true;
    });
    return true;
  });
  return { count, message };
}

/**
 * When a collector wants the same again: `RetryInfo` among the details of a failure, which are a `google.rpc.Status`.
 * @returns milliseconds; undefined where it does not say.
 */
export function readRetryDelay(bytes: Uint8Array): number | undefined {
  let delay: number | undefined;
  try {
    eachField(bytes, (number, reader) => {
      if (number !== 3) return false;
      delay ??= delayIn(reader.bytes());
      return true;
    });
  } catch {
    // Details that can't be read say nothing; the failure is told all the same.
  }
  return delay;
}

/** @param bytes a `google.protobuf.Any`. */
function delayIn(bytes: Uint8Array): number | undefined {
  let type = "";
  let value: Uint8Array = new Uint8Array();
  eachField(bytes, (number, reader) => {
    if (number === 1) type = reader.string();
    else if (number === 2) value = reader.bytes();
    else return false;
    return true;
  });
  if (!type.endsWith("/google.rpc.RetryInfo")) return undefined;
  let delay = 0;
  eachField(value, (number, reader) => {
    if (number !== 1) return false;
    eachField(reader.bytes(), (part, inner) => {
      if (part === 1) delay += Number(inner.int64()) * 1_000;
      else if (part === 2) delay += inner.int32() / 1e6;
      else return false;
      return true;
    });
    return true;
  });
  return Math.max(0, delay);
}
