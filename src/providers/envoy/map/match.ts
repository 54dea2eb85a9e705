import { errorAt, type Path } from "../../../lib/findings.ts";
import { loadRegexes, RegexError } from "../../../lib/regex.ts";
import type {
  PathMatch,
  PresenceTest,
  RequestMatch,
  TextTest,
  ValueMatch,
} from "../../../model/http/match.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** A `RouteMatch`. @returns undefined after an error: a condition that is not understood must not be left out. */
export async function mapMatch(match: Node, mapping: Mapping): Promise<RequestMatch | undefined> {
  const ignoreCase = match.flag("case_sensitive") === false;
  const path = await mapPath(match, ignoreCase, mapping);
  if (path === undefined || !takesAll(match.node("runtime_fraction"), mapping)) return undefined;
  const methods: string[] = [];
  const headers: ValueMatch[] = match.has("grpc") ? [grpcContent] : [];
  for (const header of match.nodes("headers")) {
    if (header.text("name").toLowerCase() === ":method") {
      const method = methodOf(header);
      if (method === undefined)
        return wrong(
          header.path,
          "of :method, only exact matches and alternatives (GET|PUT) are supported",
          mapping,
        );
      methods.push(...method);
      continue;
    }
    if (header.text("name").startsWith(":"))
      return wrong(header.at("name"), "of pseudo-headers only :method can be matched", mapping);
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
  return { path, methods, headers, query };
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

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** umay has no routes for a part of all requests. */
function takesAll(fraction: Node | undefined, mapping: Mapping): boolean {
  const share = fraction?.node("default_value");
  if (share === undefined) return true;
  const whole = denominators[share.text("denominator") || "HUNDRED"]!;
  if ((share.number("numerator") ?? 0) >= whole) return true;
  wrong(share.path, "umay has no routes for a part of the requests; use weighted_clusters", mapping);
  return false;
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

async function mapHeader(header: Node, mapping: Mapping): Promise<ValueMatch | undefined> {
  const name = header.text("name").toLowerCase();
  const not = header.flag("invert_match") === true;
  const text = header.which("exact_match", "prefix_match", "suffix_match", "contains_match");
  if (header.flag("treat_missing_header_as_empty") === true)
    return wrong(header.at("treat_missing_header_as_empty"), "is not supported", mapping);
  if (text !== undefined) return { name, test: textTest(simple[text], header.text(text), false), not };
  const regex = header.node("safe_regex_match");
  if (regex !== undefined) {
    const value = await mapRegex(regex, mapping);
    return value === undefined ? undefined : { name, test: textTest("regex", value, false), not };
  }
  const matcher = header.node("string_match");
  if (matcher !== undefined) {
    const test = await mapString(matcher, mapping);
    return test && { name, test, not };
  }
  const present = header.flag("present_match") ?? true;
  return { name, test: presence, not: not === present };
}

async function mapParameter(parameter: Node, mapping: Mapping): Promise<ValueMatch | undefined> {
  const name = wireText(parameter.text("name"));
  const matcher = parameter.node("string_match");
  if (matcher === undefined) return { name, test: presence, not: parameter.flag("present_match") === false };
  const test = await mapString(matcher, mapping);
  return test && { name, test, not: false };
}

/** A `StringMatcher`. */
async function mapString(matcher: Node, mapping: Mapping): Promise<TextTest | undefined> {
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
