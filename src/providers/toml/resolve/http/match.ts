import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import {
  grpcContent,
  type PathMatch,
  type PresenceTest,
  type RequestMatch,
  type TextTest,
  type ValueMatch,
} from "../../../../model/http/match.ts";
import { patternIn } from "../../report/foreign-values.ts";
import type { MatchSettings, ValueSettings } from "../../schema/http/match.ts";
import { checkRegex, given, type Resolving } from "./context.ts";

/** @param path of the table that has the conditions. */
export async function resolveMatch(
  settings: MatchSettings,
  path: Path,
  resolving: Resolving,
): Promise<RequestMatch> {
  const { methods = [], headers = {}, query = {}, grpc } = settings;
  const values = (key: "headers" | "query", table: Readonly<Record<string, ValueSettings>>) =>
    Promise.all(
      Object.entries(table).map(([name, value]) =>
        resolveValue(name, value, [...path, key, name], resolving),
      ),
    );
  const match: RequestMatch = {
    path: await resolvePath(settings, path, resolving),
    methods: [...new Set(methods)],
    headers: await values("headers", headers),
    query: (await values("query", query)).map((value) => ({ ...value, name: wireText(value.name) })),
  };
  for (const [index, method] of methods.entries())
    if (standardMethods.has(method.toUpperCase()) && method !== method.toUpperCase())
      resolving.report(
        warningAt(
          [...path, "methods", index],
          "is another method than the one in capital letters, and clients hardly send it",
          `did you mean "${method.toUpperCase()}"?`,
        ),
      );
  if (grpc === undefined) return match;
  if (methods.length > 0)
    resolving.report(errorAt([...path, "methods"], "gRPC calls always use POST; remove this key"));
  return { ...match, methods: ["POST"], headers: [grpcContent, ...match.headers] };
}

/** RFC 9110 section 9.1 and RFC 5789, without those that umay answers itself. */
const standardMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

const pathKeys = ["path", "path_prefix", "path_regex", "grpc"] as const;

async function resolvePath(
  settings: MatchSettings,
  path: Path,
  resolving: Resolving,
): Promise<PathMatch | undefined> {
  const [key, another] = given(settings, pathKeys);
  const { ignore_case: ignoreCase, grpc } = settings;
  if (key === undefined) {
    if (ignoreCase)
      resolving.report(errorAt([...path, "ignore_case"], "needs path, path_prefix or path_regex"));
    return undefined;
  }
  if (another !== undefined)
    resolving.report(errorAt([...path, another], `stands beside ${key}; a match has one of them`));
  if (grpc !== undefined)
    return grpc.method === undefined
      ? { kind: "prefix", value: `/${grpc.service}`, ignoreCase }
      : { kind: "exact", value: `/${grpc.service}/${grpc.method}`, ignoreCase };
  if (settings.path_regex === undefined) {
    const [literal, kind] =
      settings.path === undefined
        ? ([settings.path_prefix!, "prefix"] as const)
        : ([settings.path, "exact"] as const);
    const meant = patternIn(literal);
    if (meant !== undefined)
      resolving.report(
        warningAt(
          [...path, key],
          "is taken letter by letter: no character of it stands for others",
          `did you mean ${meant}?`,
        ),
      );
    return { kind, value: literal, ignoreCase };
  }
  const value = settings.path_regex;
  await checkRegex(resolving, [...path, "path_regex"], value);
  const simpler = simplerPath(value);
  if (simpler !== undefined) resolving.report(warningAt([...path, "path_regex"], simpler));
  return { kind: "regex", value, ignoreCase };
}

/** The same condition without a regular expression: it is found faster and can be compared with others. */
function simplerPath(pattern: string): string | undefined {
  const [, literal, end] =
    /^\^?((?:\/[\w~-]+)+)(\/\.\*|\(\?:\/\.\*\)\?|\(\/\.\*\)\?|\.\*|\/|)\$?$/.exec(pattern) ?? [];
  if (literal === undefined) return undefined;
  if (end === "" || end === "/") return `no regular expression is needed; write path = "${literal}${end}"`;
  return `a prefix would do, which is found faster; write path_prefix = "${literal}"`;
}

const tests = ["exact", "prefix", "suffix", "contains", "regex", "present"] as const;

async function resolveValue(
  name: string,
  settings: ValueSettings,
  path: Path,
  resolving: Resolving,
): Promise<ValueMatch> {
  if (typeof settings === "string") return { name, test: textTest("exact", settings, false), not: false };
  const { not, ignore_case: ignoreCase, present } = settings;
  const [key, another] = given(settings, tests);
  if (key === undefined || another !== undefined) {
    const found = key === undefined ? "there is none" : `there are ${key} and ${another}`;
    resolving.report(errorAt(path, `expected one of ${tests.join(", ")}; ${found}`));
  }
  if (key === "present" || key === undefined) return { name, test: presence, not: not === (present ?? true) };
  const text = settings[key]!;
  if (key === "regex") await checkRegex(resolving, [...path, "regex"], text);
  return { name, test: textTest(key, text, ignoreCase), not };
}

const presence: PresenceTest = { kind: "present" };

const textTest = (kind: TextTest["kind"], value: string, ignoreCase: boolean): TextTest => ({
  kind,
  value: wireText(value),
  ignoreCase,
});

/** As requests have it: a character per byte of its UTF-8. */
const wireText = (text: string): string => Buffer.from(text).toString("latin1");
