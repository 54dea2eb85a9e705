import type { ValueMatch } from "./http/match.ts";
import type { Variable } from "./http/template.ts";

/** The part of an exchange that a field in a line is of: the two heads, and what comes behind the answer's body. */
export type FieldPlace = "request" | "response" | "trailer";

/** A part of a line: a text, or the name of something that is known of a request. */
export type LinePart =
  | string
  | { readonly field: string }
  | { readonly request: string }
  | { readonly response: string }
  | { readonly trailer: string }
  /** As in templates of fields. */
  | { readonly variable: Variable }
  /** The first of them that there is, cut to so many characters. */
  | { readonly either: readonly LinePart[]; readonly most: number | undefined };

/** Names and values of an object of JSON. A value of one part keeps its type, of several it is a text. */
export type ObjectFormat = readonly (readonly [
  name: string,
  value: { readonly parts: readonly LinePart[] } | { readonly fields: ObjectFormat },
])[];

/** The form of the lines of requests: an object of JSON, umay's own or with other names, or text made of parts. */
export type AccessFormat =
  | { readonly kind: "json" }
  /** `omitsEmpty`: what is not known makes no member, and no dash in texts. */
  | { readonly kind: "object"; readonly fields: ObjectFormat; readonly omitsEmpty?: true }
  | { readonly kind: "text"; readonly parts: readonly LinePart[]; readonly omitsEmpty?: true };

/** Fields that lines have, in lower case. */
export interface LoggedFields {
  readonly requestFields: readonly string[];
  readonly responseFields: readonly string[];
  readonly trailerFields: readonly string[];
}

/** Where the lines of requests go, if not into the log. */
export interface AccessLogSettings extends LoggedFields {
  /** Absolute. */
  readonly file: string;
  readonly format: AccessFormat;
}

/** The fields that a format names. */
export function fieldsInFormat(format: AccessFormat): LoggedFields {
  const parts = partsIn(format).flatMap((part) =>
    typeof part === "object" && "either" in part ? part.either : [part],
  );
  const of = (place: FieldPlace): readonly string[] => [
    ...new Set(parts.flatMap((part) => (part as Partial<Readonly<Record<FieldPlace, string>>>)[place] ?? [])),
  ];
  return { requestFields: of("request"), responseFields: of("response"), trailerFields: of("trailer") };
}

function partsIn(format: AccessFormat): readonly LinePart[] {
  if (format.kind === "json") return [];
  return format.kind === "text" ? format.parts : valuesIn(format.fields);
}

const valuesIn = (fields: ObjectFormat): readonly LinePart[] =>
  fields.flatMap(([, value]) => ("fields" in value ? valuesIn(value.fields) : value.parts));

/** Equal, not equal, at least, at most. */
export type Comparison = "eq" | "ne" | "ge" | "le";

/** Which requests have a line. */
export type LogFilter =
  | { readonly kind: "all" | "some"; readonly of: readonly LogFilter[] }
  /** A status, or a duration in milliseconds. */
  | { readonly kind: "status" | "duration"; readonly is: Comparison; readonly value: number }
  | { readonly kind: "chance"; readonly percent: number }
  /** Its span is sent. */
  | { readonly kind: "traced" }
  /** A condition on a field of the request. */
  | { readonly kind: "field"; readonly match: ValueMatch }
  /** The status of gRPC, as an answer says it, or as callers make it of that of HTTP, is one of these. */
  | { readonly kind: "grpc"; readonly statuses: readonly number[]; readonly not: boolean }
  /** Something went wrong that Envoy has one of these flags for; empty: any. */
  | { readonly kind: "flags"; readonly flags: readonly string[] };

/** A log of one listener's requests. */
export interface ListenerLog extends AccessLogSettings {
  /** Undefined: every request has a line. */
  readonly filter?: LogFilter;
}

/** Which requests of a route have a line. */
export interface LogSampling {
  /** The share of requests that went well, from 0 to 100. */
  readonly percent: number;
  /** Whether all that failed have one: status 500 and above, and whatever a backend or umay did not finish. */
  readonly errors: boolean;
}

/** Words for secrets in names of fields. */
const secretWords = [
  "authorization",
  "cookie",
  "token",
  "secret",
  "passw",
  "api-key",
  "apikey",
  "session",
  "credential",
];

/** Whether a field may have a secret in it, which no log gets. @param name in lower case. */
export const mayBeSecret = (name: string): boolean => secretWords.some((word) => name.includes(word));

/** Whether a filter asks for a regular expression. */
export function filterUsesRegex(filter: LogFilter): boolean {
  if (filter.kind === "all" || filter.kind === "some") return filter.of.some(filterUsesRegex);
  return filter.kind === "field" && filter.match.test.kind === "regex";
}
