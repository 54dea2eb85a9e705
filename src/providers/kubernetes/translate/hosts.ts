/*
 * Host names of listeners and routes: `a.example.com`, `*.example.com` for all names below example.com, `*` for any.
 */

/** Any host, and none. */
export const anyHost = "*";

/** In lower case. @param name undefined or empty: any. */
export const hostOf = (name: string | undefined): string =>
  name === undefined || name === "" ? anyHost : name.toLowerCase();

/** Whether all that `narrow` stands for is in `wide`. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === anyHost || wide === narrow) return true;
  if (!wide.startsWith("*.")) return false;
  return narrow.length > wide.length - 1 && narrow.endsWith(wide.slice(1));
}

/** The names that both stand for; undefined: there is none. */
export function intersection(left: string, right: string): string | undefined {
  if (covers(left, right)) return right;
  return covers(right, left) ? left : undefined;
}

/** The names of a route at a listener: empty where they have none in common. @param names empty: any. */
export function hostsAt(listener: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [listener];
  return [...new Set(names.flatMap((name) => intersection(listener, hostOf(name)) ?? []))];
}

/** Exact names first, then wildcards from the longest on, any at last. */
export function compareHosts(left: string, right: string): number {
  const [a, b] = [rank(left), rank(right)];
  return a - b || right.length - left.length || (left < right ? -1 : Number(left > right));
}

const rank = (name: string): number => (name === anyHost ? 2 : name.startsWith("*.") ? 1 : 0);

/** The most specific of some names that covers another; undefined: none does. */
export const mostSpecific = (names: Pick<ReadonlySet<string>, "has">, name: string): string | undefined =>
  names.has(name) ? name : wider(name).find((each) => names.has(each));

/** The names that stand for more than a name, and for it, too; the most specific one first. */
export function wider(name: string): readonly string[] {
  if (name === anyHost) return [];
  const found: string[] = [];
  for (
    let dot = name.indexOf(".", name.startsWith("*.") ? 2 : 0);
    dot !== -1;
    dot = name.indexOf(".", dot + 1)
  )
    found.push(`*${name.slice(dot)}`);
  return [...found, anyHost];
}
