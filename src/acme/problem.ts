/** An authority's refusal, or something else that ended a try (RFC 8555 section 6.7, RFC 7807). */
export class AcmeError extends Error {
  /** The type of the problem without its namespace, such as `rateLimited`; empty where the authority named none. */
  readonly type: string;
  /** The time that the authority wants to be left alone, in milliseconds; undefined: it does not say. */
  readonly retryAfter: number | undefined;

  constructor(message: string, type = "", retryAfter?: number) {
    super(message);
    this.type = type;
    this.retryAfter = retryAfter;
  }
}

const namespace = "urn:ietf:params:acme:error:";
/** Characters of an authority's words that are told. */
const longestDetail = 300;

/** A problem document as an error. @param body of an answer, or of a part of one. */
export function errorOf(what: string, status: number, body: unknown, retryAfter?: number): AcmeError {
  const { type, detail, subproblems } = asTable(body);
  const short = typeof type === "string" && type.startsWith(namespace) ? type.slice(namespace.length) : "";
  const details = [
    detail,
    ...(Array.isArray(subproblems) ? subproblems.map((sub) => asTable(sub)["detail"]) : []),
  ]
    .filter((text) => typeof text === "string")
    .join("; ");
  const words = printable(details || `status ${status}`);
  return new AcmeError(`${what}: ${short === "" ? "" : `${short}: `}${words}`, short, retryAfter);
}

/** An authority's words, as a log may have them. */
export const printable = (text: string): string =>
  text.replaceAll(/[^\x20-\x7e\u00a0-\u{10ffff}]/gu, " ").slice(0, longestDetail);

export function asTable(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Retry-After as a time from now, in milliseconds (RFC 9110 section 10.2.3): a number of seconds, or a date. */
export function retryAfterOf(text: string | undefined, now: number = Date.now()): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
