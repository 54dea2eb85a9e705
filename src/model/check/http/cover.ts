import { isDeepStrictEqual } from "node:util";
import type { PathMatch, RequestMatch } from "../../http/match.ts";

/** Whether a match is certain to take every request that another takes. False where that is only likely. */
export function covers(wide: RequestMatch, narrow: RequestMatch): boolean {
  return (
    coversPath(wide.path, narrow.path) &&
    (wide.methods.length === 0 ||
      (narrow.methods.length > 0 && narrow.methods.every((method) => wide.methods.includes(method)))) &&
    holdsAll(wide.headers, narrow.headers) &&
    holdsAll(wide.query, narrow.query)
  );
}

/** Whether two matches take the same requests, written in the same way; the order of conditions does not count. */
export function equal(left: RequestMatch, right: RequestMatch): boolean {
  return covers(left, right) && covers(right, left);
}

const holdsAll = (few: readonly object[], many: readonly object[]): boolean =>
  few.every((condition) => many.some((other) => isDeepStrictEqual(condition, other)));

function coversPath(wide: PathMatch | undefined, narrow: PathMatch | undefined): boolean {
  if (wide === undefined) return true;
  if (wide.value === "" && (wide.kind === "prefix" || wide.kind === "text-prefix")) return true;
  if (narrow === undefined) return false;
  if (wide.ignoreCase !== narrow.ignoreCase && !wide.ignoreCase) return false;
  const fold = wide.ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const [outer, inner] = [fold(wide.value), fold(narrow.value)];
  switch (wide.kind) {
    case "exact":
      return narrow.kind === "exact" && inner === outer;
    case "regex":
      return narrow.kind === "regex" && narrow.value === wide.value;
    case "prefix":
      if (narrow.kind === "exact" || narrow.kind === "prefix")
        return inner === outer || inner.startsWith(`${outer}/`);
      return narrow.kind === "text-prefix" && inner.startsWith(`${outer}/`);
    case "text-prefix":
      return narrow.kind !== "regex" && inner.startsWith(outer);
  }
}

/**
 * Rules by their paths, so that those which may cover another are found without looking at all: they are above it in the
 * tree of paths.
 */
export class Coverers<T extends { readonly match: RequestMatch }> {
  readonly #byPath = new Map<string, T[]>();
  /** Paths whose prefix may end within a segment. */
  readonly #letters: T[] = [];

  add(rule: T): void {
    const { path } = rule.match;
    if (path?.kind === "text-prefix") this.#letters.push(rule);
    else {
      const key = keyOf(path);
      const rules = this.#byPath.get(key);
      if (rules === undefined) this.#byPath.set(key, [rule]);
      else rules.push(rule);
    }
  }

  /** The first of those that were added that covers a match. */
  find(match: RequestMatch): T | undefined {
    const candidates = [
      ...this.#above(match.path).flatMap((key) => this.#byPath.get(key) ?? []),
      ...this.#letters,
    ];
    return candidates.find((rule) => covers(rule.match, match));
  }

  #above(path: PathMatch | undefined): string[] {
    const keys = [keyOf(path)];
    if (path === undefined) return keys;
    if (path.kind === "regex") return [...keys, ""];
    const text = path.value.toLowerCase();
    keys.push(text);
    for (
      let slash = text.lastIndexOf("/");
      slash >= 0;
      slash = slash === 0 ? -1 : text.lastIndexOf("/", slash - 1)
    )
      keys.push(text.slice(0, slash));
    return [...new Set(keys)];
  }
}

/** Rules that cover one another have the same key, or that of a path above. */
const keyOf = (path: PathMatch | undefined): string =>
  path?.kind === "regex" ? `regex ${path.value}` : (path?.value.toLowerCase() ?? "");
