import { isDeepStrictEqual } from "node:util";
import type { PathMatch, RequestMatch } from "../../../../model/http/match.ts";

/** How much of one match another one takes: all of it, nothing, a part, or it can't be told. */
export type Part = "whole" | "none" | "unknown" | RequestMatch;

/** The requests of `match` that `other`, whose `percent` does not count, takes, too. Matches of which only paths differ can be told apart. */
export function intersect(match: RequestMatch, other: RequestMatch): Part {
  const path = intersectPaths(match.path, other.path);
  if (path === "none" || path === "unknown") return path;
  const methods =
    match.methods.length === 0
      ? other.methods
      : match.methods.filter((method) => other.methods.length === 0 || other.methods.includes(method));
  if (methods.length === 0 && match.methods.length > 0) return "none";
  const more = <T>(own: readonly T[], others: readonly T[]): readonly T[] =>
    others.filter((each) => !own.some((one) => isDeepStrictEqual(one, each)));
  const headers = more(match.headers, other.headers);
  const query = more(match.query, other.query);
  const part: RequestMatch = {
    ...match,
    path,
    methods,
    headers: [...match.headers, ...headers],
    query: [...match.query, ...query],
  };
  return isDeepStrictEqual(part, match) ? "whole" : part;
}

function intersectPaths(
  path: PathMatch | undefined,
  other: PathMatch | undefined,
): PathMatch | undefined | "none" | "unknown" {
  if (other === undefined || (other.kind === "text-prefix" && other.value === "/")) return path;
  if (path === undefined) return other;
  if (isDeepStrictEqual(path, other)) return path;
  if (path.kind === "regex" || other.kind === "regex" || path.ignoreCase || other.ignoreCase)
    return "unknown";
  if (takes(other, path)) return path;
  if (takes(path, other)) return other;
  return "none";
}

/** Whether every path that `inner` takes is taken by `outer`. */
function takes(outer: PathMatch, inner: PathMatch): boolean {
  switch (outer.kind) {
    case "exact":
      return inner.kind === "exact" && inner.value === outer.value;
    case "text-prefix":
      return inner.value.startsWith(outer.value);
    default:
      return (
        (inner.value === outer.value && inner.kind !== "text-prefix") ||
        inner.value.startsWith(`${outer.value}/`)
      );
  }
}
