import type { Coding, Compression } from "../../../model/http/compression.ts";

/** An answer, as far as it decides about its compression. */
export interface CompressedAnswer {
  readonly status: number;
  /** In bytes; negative: nobody knows. */
  readonly length: number;
  /** All values of a field, joined; undefined: it has none. @param name in lower case. */
  field(name: string): string | undefined;
}

/**
 * The treatment of an answer: `alone` as it came; `varies` the same, but another client would get it compressed; or a coding.
 */
export type CompressionDecision = "alone" | "varies" | Coding;

/** Elements of a list that are looked at. */
const mostElements = 32;

/** @param accept the Accept-Encoding of the request; undefined: it has none. @param isHead the answer has no body to look at. */
export function decideCompression(
  { codings, types, minSize }: Compression,
  accept: string | undefined,
  answer: CompressedAnswer,
  isHead: boolean,
): CompressionDecision {
  const { status } = answer;
  // An answer that must stay as it is: a part of something, or nothing (RFC 9110 sections 15.3.5 to 15.3.7).
  if (status < 200 || status === 204 || status === 205 || status === 206) return "alone";
  if (answer.field("content-range") !== undefined) return "alone";
  const coded = answer.field("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coded !== "identity") return "alone";
  if (hasDirective(answer.field("cache-control"), "no-transform")) return "alone";
  // 304 speaks of what the client has, and often without a type.
  if (status !== 304) {
    if (!isCompressible(answer.field("content-type"), types)) return "alone";
    const said = isHead ? Number(answer.field("content-length") ?? -1) : answer.length;
    if (said >= 0 && said < minSize) return "alone";
  }
  return chooseCoding(accept, codings) ?? "varies";
}

/** The coding that a client likes best, of those with the same weight the first (RFC 9110 section 12.5.3). */
export function chooseCoding(accept: string | undefined, known: readonly Coding[]): Coding | undefined {
  if (accept === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const element of accept.toLowerCase().split(",", mostElements)) {
    const [name = "", ...parameters] = element.split(";").map((part) => part.trim());
    const weight = weightOf(parameters);
    if (name !== "" && weight !== undefined) weights.set(name === "x-gzip" ? "gzip" : name, weight);
  }
  const rest = weights.get("*") ?? 0;
  let best: Coding | undefined;
  // Something that the client likes less than the answer as it is does it no good.
  let most = weights.get("identity") ?? 0;
  for (const coding of known) {
    const weight = weights.get(coding) ?? rest;
    const isBetter = best === undefined ? weight >= most && weight > 0 : weight > most;
    if (!isBetter) continue;
    best = coding;
    most = weight;
  }
  return best;
}

/** @returns undefined where it is no weight: the element does not count. */
function weightOf(parameters: readonly string[]): number | undefined {
  const text = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : undefined;
}

function isCompressible(value: string | undefined, types: readonly string[]): boolean {
  const [type] = (value ?? "").toLowerCase().split(/\s*;/, 1) as [string];
  // An event must not wait for the next one.
  if (type === "" || type === "text/event-stream" || type.startsWith("application/grpc")) return false;
  return types.some((pattern) => {
    if (pattern.startsWith("+")) return type.endsWith(pattern);
    return pattern.endsWith("/*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
  });
}

/** Whether a field Cache-Control has a directive without a value. @param directive in lower case. */
export const hasDirective = (value: string | undefined, directive: string): boolean =>
  value
    ?.toLowerCase()
    .split(",", mostElements)
    .some((part) => part.trim() === directive) ?? false;
