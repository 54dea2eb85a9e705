import { hostOf } from "../../../http/uri/authority.ts";
import { normalisePath } from "../../../http/uri/path.ts";
import type { Regexes } from "../../../lib/regex.ts";
import type { PathMatch } from "../../../model/http/match.ts";
import type { HostSource, PathRewrite } from "../../../model/http/route.ts";
import { lowerAscii } from "../../../model/http/text-test.ts";

/**
 * Makes another path of a request's.
 * @param matched the condition that the path met.
 * @returns undefined where the result would be no path.
 */
export type RewritePath = (path: string, matched: PathMatch | undefined) => string | undefined;

/** A request as a host is made of it. */
export interface HostFacts {
  readonly path: string;
  header(name: string): string | undefined;
}

/** The host that backends see; undefined: the request gives none. */
export type RewriteHost = (request: HostFacts) => string | undefined;

/** @param regexes only for a regular expression. @throws RegexError */
export function compileHostRewrite(source: HostSource, regexes: Regexes | undefined): RewriteHost {
  const asHost = (text: string | undefined): string | undefined =>
    text === undefined || hostOf(text) === undefined ? undefined : text;
  if (source.kind === "field") return (request) => asHost(request.header(source.name));
  const replace = regexes!.replaceAll(source.pattern, source.replacement);
  return ({ path }) => asHost(replace(path));
}

/** @param regexes only for a regular expression. @throws RegexError */
export function compilePathRewrite(rewrite: PathRewrite, regexes: Regexes | undefined): RewritePath {
  switch (rewrite.kind) {
    case "path":
      return () => rewrite.path;
    case "prefix":
      return (path, matched) => replacePrefix(path, matched, rewrite.prefix);
    case "regex": {
      const { pattern, replacement, all } = rewrite;
      const replace = all
        ? regexes!.replaceAll(pattern, replacement)
        : regexes!.replaceFirst(pattern, replacement);
      return (path) => {
        const replaced = replace(path);
        if (replaced === path) return path;
        const plain = replaced.startsWith("/") ? normalisePath(replaced) : undefined;
        return typeof plain === "string" ? plain : undefined;
      };
    }
  }
}

/** @param prefix without a slash at its end, but where letters are replaced. */
function replacePrefix(path: string, matched: PathMatch | undefined, prefix: string): string | undefined {
  // `*` has no prefix.
  if (!path.startsWith("/") || !hasPrefix(path, matched)) return path;
  const rest = path.slice(matched?.value.length ?? 0);
  if (matched?.kind === "text-prefix") return joinText(prefix, rest);
  const whole = rest === "" || rest.startsWith("/") || prefix === "";
  const replaced = whole ? prefix + rest : `${prefix}/${rest}`;
  return replaced.startsWith("/") ? replaced : `/${replaced}`;
}

/** A processor may have changed the path since it was matched. */
function hasPrefix(path: string, matched: PathMatch | undefined): boolean {
  if (matched === undefined) return true;
  const start = path.slice(0, matched.value.length);
  return start === matched.value || (matched.ignoreCase && lowerAscii(start) === lowerAscii(matched.value));
}

/** Letters may come to stand beside each other as `..`: a path that would leave its prefix is none. */
function joinText(prefix: string, rest: string): string | undefined {
  const joined = prefix + rest;
  const path = joined.startsWith("/") ? joined : `/${joined}`;
  return hasDotSegment(path) ? undefined : path;
}

/** Lax backends take encoded slashes and backslashes for slashes. */
const hasDotSegment = (path: string): boolean =>
  path.split(/\/|\\|%2f|%5c/i).some((segment) => segment === "." || segment === "..");
