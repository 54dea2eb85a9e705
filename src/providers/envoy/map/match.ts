import { errorAt, type Path } from "../../../lib/findings.ts";
import { loadRegexes, RegexError } from "../../../lib/regex.ts";
import type {
  PathMatch,
  PresenceTest,
  RangeTest,
  RequestMatch,
  TextTest,
  ValueMatch,
} from "../../../model/http/match.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { runtimePercent } from "./fraction.ts";
import { templateMatch } from "./path-template.ts";

/** A `RouteMatch`. @returns undefined after an error: a condition that is not understood must not be left out. */
export async function mapMatch(match: Node, mapping: Mapping): Promise<RequestMatch | undefined> {
  const ignoreCase = match.flag("case_sensitive") === false;
  const path = await mapPath(match, ignoreCase, mapping);
  if (path === undefined) return undefined;
  const methods: string[] = [];
  const headers: ValueMatch[] = match.has("grpc") ? [grpcContent] : [];
  for (const header of match.nodes("headers")) {
    const method = header.text("name") === ":method" ? methodOf(header) : undefined;
    if (method !== undefined && methods.length === 0) {
      methods.push(...method);
      continue;
    }
    const mapped = await mapHeader(header, mapping);
    if (mapped === undefined) return undefined;
    headers.push(mapped);
  }
  const query: ValueMatch[] = [];
  for (const parameter of match.nodes("query_parameters")) {
    const mapped = await mapParameter(parameter, mapping);
    if (mapped === undefined) return undefined;
    query.push(mapped);
  }
  for (const cookie of match.nodes("cookies")) {
    const mapped = await mapCookie(cookie, mapping);
    if (mapped === undefined) return undefined;
    headers.push(mapped);
  }
  const percent = runtimePercent(match.node("runtime_fraction"));
  return { path, methods, headers, query, ...(percent !== undefined && percent < 100 && { percent }) };
}

/** A `CookieMatcher`: a condition on one cookie of the field. */
async function mapCookie(cookie: Node, mapping: Mapping): Promise<ValueMatch | undefined> {
  const matcher = cookie.node("string_match");
  const test = matcher === undefined ? presence : await mapString(matcher, mapping);
  return (
    test && { name: "cookie", cookie: cookie.text("name"), test, not: cookie.flag("invert_match") === true }
  );
}

/** The condition that tells gRPC from other requests. */
const grpcContent: ValueMatch = {
  name: "content-type",
  test: { kind: "prefix", value: "application/grpc", ignoreCase: true },
  not: false,
};

function wrong(path: Path, message: string, { report }: Mapping): undefined {
  report(errorAt(path, message));
}

async function mapPath(match: Node, ignoreCase: boolean, mapping: Mapping): Promise<PathMatch | undefined> {
  const template = match.node("path_match_policy")?.extension("typed_config");
  if (template !== undefined) return templateMatch(template, ignoreCase, mapping);
  const kind = match.which("prefix", "path", "safe_regex", "path_separated_prefix");
  switch (kind) {
    case "prefix":
      return { kind: "text-prefix", value: match.text(kind), ignoreCase };
    case "path_separated_prefix":
      return { kind: "prefix", value: match.text(kind), ignoreCase };
    case "path":
      return { kind: "exact", value: match.text(kind), ignoreCase };
    case "safe_regex": {
      const value = await mapRegex(match.node(kind)!, mapping);
      return value === undefined ? undefined : { kind: "regex", value, ignoreCase };
    }
    default:
      return wrong(match.path, "expected prefix, path, safe_regex or path_separated_prefix", mapping);
  }
}

/** The text of a `RegexMatcher`, which is good. */
export async function mapRegex(
  matcher: Node,
  mapping: Mapping,
  replacement?: string,
): Promise<string | undefined> {
  const pattern = matcher.text("regex");
  const regexes = await loadRegexes();
  try {
    if (replacement === undefined) regexes.whole(pattern, false);
    else regexes.replaceFirst(pattern, replacement);
    return pattern;
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    return wrong(matcher.at("regex"), `${JSON.stringify(pattern)} ${error.message}`, mapping);
  }
}

function methodOf(header: Node): readonly string[] | undefined {
  if (header.flag("invert_match") === true) return undefined;
  const exact = header.text("exact_match") || (header.node("string_match")?.text("exact") ?? "");
  if (exact !== "") return [exact];
  const regex = (header.node("safe_regex_match") ?? header.node("string_match")?.node("safe_regex"))?.text(
    "regex",
  );
  return regex !== undefined && /^\(?[A-Z]+(\|[A-Z]+)*\)?$/.test(regex)
    ? regex.replace(/[()]/g, "").split("|")
    : undefined;
}

const presence: PresenceTest = { kind: "present" };

const simple = {
  exact_match: "exact",
  prefix_match: "prefix",
  suffix_match: "suffix",
  contains_match: "contains",
} as const;

/** A `HeaderMatcher`. @returns undefined after an error. */
export async function mapHeader(header: Node, mapping: Mapping): Promise<ValueMatch | undefined> {
  const name = header.text("name").toLowerCase();
  const not = header.flag("invert_match") === true;
  const test = await headerTest(header, mapping);
  if (test === "none") return { name, test: presence, not: not === (header.flag("present_match") ?? true) };
  const missing = header.flag("treat_missing_header_as_empty") === true ? "empty" : not ? "fails" : undefined;
  return test && { name, test, not, ...(missing !== undefined && { missing }) };
}

async function headerTest(
  header: Node,
  mapping: Mapping,
): Promise<TextTest | RangeTest | undefined | "none"> {
  const text = header.which("exact_match", "prefix_match", "suffix_match", "contains_match");
  if (text !== undefined) return textTest(simple[text], header.text(text), false);
  const regex = header.node("safe_regex_match");
  if (regex !== undefined) {
    const value = await mapRegex(regex, mapping);
    return value === undefined ? undefined : textTest("regex", value, false);
  }
  const range = header.node("range_match");
  if (range !== undefined)
    return { kind: "range", from: range.number("start") ?? 0, to: range.number("end") ?? 0 };
  const matcher = header.node("string_match");
  return matcher === undefined ? "none" : mapString(matcher, mapping);
}

/** A `QueryParameterMatcher`. @returns undefined after an error. */
export async function mapParameter(parameter: Node, mapping: Mapping): Promise<ValueMatch | undefined> {
  const name = wireText(parameter.text("name"));
  const matcher = parameter.node("string_match");
  if (matcher === undefined) return { name, test: presence, not: parameter.flag("present_match") === false };
  const test = await mapString(matcher, mapping);
  return test && { name, test, not: false };
}

/** A `StringMatcher`. @returns undefined after an error. */
export async function mapString(matcher: Node, mapping: Mapping): Promise<TextTest | undefined> {
  const ignoreCase = matcher.flag("ignore_case") === true;
  const kind = matcher.which("exact", "prefix", "suffix", "contains");
  if (kind !== undefined) return textTest(kind, matcher.text(kind), ignoreCase);
  const regex = matcher.node("safe_regex");
  if (regex === undefined)
    return wrong(matcher.path, "expected exact, prefix, suffix, contains or safe_regex", mapping);
  const value = await mapRegex(regex, mapping);
  return value === undefined ? undefined : textTest("regex", value, false);
}

const textTest = (kind: TextTest["kind"], value: string, ignoreCase: boolean): TextTest => ({
  kind,
  value: wireText(value),
  ignoreCase,
});

/** As requests have it: a character per byte of its UTF-8. */
const wireText = (text: string): string => Buffer.from(text).toString("latin1");
