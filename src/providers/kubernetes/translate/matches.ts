import { normalisePath } from "../../../http/uri/path.ts";
import { RegexError, type Regexes } from "../../../lib/regex.ts";
import type { PathMatch, RequestMatch, TextTest, ValueMatch } from "../../../model/http/match.ts";
import type { GrpcRouteRule, HttpRouteMatch, NamedMatch } from "../gateway-api.ts";
import { type Problem, problem } from "./conditions.ts";

/** A match, or why umay can't have it. */
export type Matched = RequestMatch | Problem;

export const isProblem = (value: object): value is Problem => "reason" in value;

const unsupported = (message: string): Problem => problem("UnsupportedValue", message);

/** A match of an HTTPRoute. */
export function httpMatch(match: HttpRouteMatch, regexes: Regexes): Matched {
  const path = pathMatch(match.path, regexes);
  if (path !== undefined && isProblem(path)) return path;
  return withValues(
    { path, methods: match.method === undefined ? [] : [match.method] },
    match.headers ?? [],
    match.queryParams ?? [],
    regexes,
  );
}

/** A match of a GRPCRoute. */
export function grpcMatch(match: NonNullable<GrpcRouteRule["matches"]>[number], regexes: Regexes): Matched {
  const path = methodMatch(match.method, regexes);
  if (path !== undefined && isProblem(path)) return path;
  return withValues({ path, methods: [] }, match.headers ?? [], [], regexes);
}

function withValues(
  { path, methods }: Pick<RequestMatch, "path" | "methods">,
  headers: readonly NamedMatch[],
  query: readonly NamedMatch[],
  regexes: Regexes,
): Matched {
  const fields = valueMatches(headers, (name) => name.toLowerCase(), regexes);
  if (isProblem(fields)) return fields;
  const keys = valueMatches(query, wireText, regexes);
  if (isProblem(keys)) return keys;
  return { path, methods, headers: fields as ValueMatch[], query: keys as ValueMatch[] };
}

function pathMatch(path: HttpRouteMatch["path"], regexes: Regexes): PathMatch | undefined | Problem {
  const { type = "PathPrefix", value = "/" } = path ?? {};
  if (type === "RegularExpression") {
    const wrong = regexProblem(value, regexes);
    return wrong ?? { kind: "regex", value, ignoreCase: false };
  }
  const plain = normalisePath(value);
  if (typeof plain !== "string") return unsupported(`${value} is no path`);
  if (type === "Exact") return { kind: "exact", value: plain, ignoreCase: false };
  if (type !== "PathPrefix") return unsupported(`umay does not know the path match ${type}`);
  return { kind: "prefix", value: plain.replace(/\/+$/, ""), ignoreCase: false };
}

/** The path of a call is `/service/method` ("gRPC over HTTP2"). */
function methodMatch(
  method: NonNullable<GrpcRouteRule["matches"]>[number]["method"],
  regexes: Regexes,
): PathMatch | undefined | Problem {
  if (method === undefined) return undefined;
  const { type = "Exact", service, method: name } = method;
  if (type === "RegularExpression") {
    const value = `/${service ?? "[^/]+"}/${name ?? "[^/]+"}`;
    return regexProblem(value, regexes) ?? { kind: "regex", value, ignoreCase: false };
  }
  if (type !== "Exact") return unsupported(`umay does not know the method match ${type}`);
  if (service === undefined) {
    if (name === undefined) return undefined;
    return { kind: "regex", value: `/[^/]+/${name.replaceAll(/[^\w]/g, "\\$&")}`, ignoreCase: false };
  }
  return name === undefined
    ? { kind: "prefix", value: `/${service}`, ignoreCase: false }
    : { kind: "exact", value: `/${service}/${name}`, ignoreCase: false };
}

/** Of several with the same name the first counts. */
function valueMatches(
  matches: readonly NamedMatch[],
  nameOf: (name: string) => string,
  regexes: Regexes,
): readonly ValueMatch[] | Problem {
  const found = new Map<string, ValueMatch>();
  for (const { type = "Exact", name: given, value } of matches) {
    const name = nameOf(given);
    if (found.has(name)) continue;
    if (type !== "Exact" && type !== "RegularExpression")
      return unsupported(`umay does not know the match ${type} of ${given}`);
    const wrong = type === "Exact" ? undefined : regexProblem(value, regexes);
    if (wrong !== undefined) return wrong;
    const test: TextTest = {
      kind: type === "Exact" ? "exact" : "regex",
      value: wireText(value),
      ignoreCase: false,
    };
    found.set(name, { name, test, not: false });
  }
  return [...found.values()];
}

function regexProblem(pattern: string, regexes: Regexes): Problem | undefined {
  try {
    regexes.whole(pattern, false);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    return unsupported(`${JSON.stringify(pattern)} ${error.message}`);
  }
}

/** As requests have it: a character per byte of its UTF-8. */
const wireText = (text: string): string => Buffer.from(text).toString("latin1");
