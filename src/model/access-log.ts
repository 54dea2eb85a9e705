/** A part of a line: a text, or the name of something that is known of a request. */
export type LinePart =
  | string
  | { readonly field: string }
  | { readonly request: string }
  | { readonly response: string };

/** The form of the lines of requests: an object of JSON, or text made of parts. */
export type AccessFormat =
  | { readonly kind: "json" }
  | { readonly kind: "text"; readonly parts: readonly LinePart[] };

/** Where the lines of requests go, if not into the log. */
export interface AccessLogSettings {
  /** Absolute. */
  readonly file: string;
  readonly format: AccessFormat;
  /** Fields of requests and of responses that lines have, in lower case. */
  readonly requestFields: readonly string[];
  readonly responseFields: readonly string[];
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
