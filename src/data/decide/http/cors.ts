import { fieldText } from "../../../http/edits.ts";
import type { Fields } from "../../../http/message.ts";
import { NameSet } from "../../../http/name-set.ts";
import type { Cors } from "../../../model/http/cors.ts";
import { type CompiledTest, type CompileRegex, compileTest } from "../../../model/http/text-test.ts";

/** The question of a browser whether a page may make a request (Fetch Standard, "CORS-preflight request"). */
export interface Preflight {
  readonly origin: string;
  readonly method: string;
  /** The fields that it would send, as the browser lists them; empty: none that matters. */
  readonly headers: string;
}

interface Asked {
  readonly method: string;
  header(name: string): string | undefined;
}

/** @returns undefined where a request is no preflight. */
export function preflightOf(request: Asked): Preflight | undefined {
  if (request.method !== "OPTIONS") return undefined;
  const method = request.header("access-control-request-method");
  const origin = request.header("origin");
  if (method === undefined || origin === undefined) return undefined;
  return { origin, method, headers: request.header("access-control-request-headers") ?? "" };
}

/** A backend's own fields of CORS are not passed on: the route has the say. */
const own = new NameSet(["access-control-*"]);

/** More than any page asks for; in characters. */
const longestList = 1_024;

/** The rules of a route for pages of other origins, compiled. */
export class CorsRules {
  readonly #exact: ReadonlySet<string>;
  /** The text before the wildcard, and behind it. */
  readonly #wildcards: readonly (readonly [start: string, end: string])[];
  readonly #any: boolean;
  readonly #tests: readonly CompiledTest[];
  readonly #cors: Cors;
  readonly #exposed: string;

  /** @param compileRegex where an origin is tested by a regular expression. */
  constructor(cors: Cors, compileRegex?: CompileRegex) {
    const { origins, expose, originTests = [] } = cors;
    this.#tests = originTests.map((test) => compileTest(test, compileRegex!));
    this.#cors = cors;
    this.#any = origins.includes("*");
    this.#exact = new Set(origins.filter((origin) => !origin.includes("*")));
    this.#wildcards = origins
      .filter((origin) => origin.includes("://*."))
      .map((origin) => origin.split("*") as [string, string]);
    this.#exposed =
      expose.length === 0 ? "" : `access-control-expose-headers: ${fieldText(expose.join(", "))}\r\n`;
  }

  allows(origin: string): boolean {
    const lower = origin.toLowerCase();
    if (this.#any || this.#exact.has(lower) || this.#tests.some((holds) => holds(origin))) return true;
    return this.#wildcards.some(
      ([start, end]) =>
        lower.length > start.length + end.length &&
        lower.startsWith(start) &&
        lower.endsWith(end) &&
        isName(lower, start, end),
    );
  }

  mark(fields: Fields, marks: Uint8Array): void {
    own.mark(fields, marks);
  }

  /** Fields of an answer to a page, as lines. @param origin undefined: no page asks, or one of the same origin. */
  lines(origin: string | undefined): string {
    if (origin === undefined || !this.allows(origin)) return this.#vary;
    return this.#allowed(origin) + this.#exposed + this.#vary;
  }

  /** The same for a preflight; without a word of what is allowed where the page is not. */
  preflightLines({ origin, method, headers }: Preflight): string {
    const vary = "vary: origin, access-control-request-method, access-control-request-headers\r\n";
    if (!this.allows(origin)) return vary;
    const { methods, headers: allowed, maxAge } = this.#cors;
    const named = methods.includes("*") ? method : methods.join(", ");
    const fields = allowed.includes("*") ? headers.slice(0, longestList) : allowed.join(", ");
    let lines = this.#allowed(origin);
    lines += `access-control-allow-methods: ${fieldText(named)}\r\n`;
    if (fields !== "") lines += `access-control-allow-headers: ${fieldText(fields)}\r\n`;
    // Browsers read what is exposed of the answer itself; Gateway API asks for it here, too.
    return `${lines}${this.#exposed}access-control-max-age: ${Math.floor(maxAge / 1_000)}\r\n${vary}`;
  }

  #allowed(origin: string): string {
    const { credentials } = this.#cors;
    const named = this.#isSame ? "*" : fieldText(origin);
    const lines = `access-control-allow-origin: ${named}\r\n`;
    return credentials ? `${lines}access-control-allow-credentials: true\r\n` : lines;
  }

  /** Whether every page gets the same answer. With credentials a browser does not take `*`. */
  get #isSame(): boolean {
    return this.#any && !this.#cors.credentials;
  }

  /** A cached answer for one page is not that for another. */
  get #vary(): string {
    return this.#isSame ? "" : "vary: origin\r\n";
  }
}

/** The text that a wildcard stands for: labels, and nothing that ends a host. */
function isName(origin: string, start: string, end: string): boolean {
  return /^[a-z0-9._-]+$/.test(origin.slice(start.length, origin.length - end.length));
}
