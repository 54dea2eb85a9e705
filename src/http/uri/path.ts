import { hexValues, pathBytes, unreservedBytes } from "../bytes.ts";

const [percent, slash, dot, semicolon] = [0x25, 0x2f, 0x2e, 0x3b];
/** Bytes that mean something else to who decodes them than encoded: `#`, `%`, `/`, `;`, `?` and the backslash. */
const meaningful: ReadonlySet<number> = new Set([0x23, percent, slash, semicolon, 0x3f, 0x5c]);
const upperHex = "0123456789ABCDEF";

/** The other result of {@link normalisePath}; read it before the next call. */
export const pathFacts = {
  /** It holds `%2F`, `%5C`, `%25`, `%3B`, `%3F`, `%23`, `//` or `;`: see {@link secondReading}. */
  ambiguous: false,
};

/**
 * The one spelling of a path (RFC 3986 section 6.2.2): hexadecimal digits in upper case, unreserved characters decoded,
 * segments `.` and `..` removed. All else stays as it is, `%2F` and `//` included.
 * @param path begins with a slash; a character per byte.
 * @returns the path, or the detail of what is wrong with it.
 */
export function normalisePath(path: string): string | { readonly detail: PathDetail } {
  pathFacts.ambiguous = false;
  let before = 0;
  for (let at = 0; at < path.length; at++) {
    const byte = path.charCodeAt(at);
    if (pathBytes[byte] !== 1 || (byte === dot && before === slash)) return normaliseSlowly(path);
    if (byte === semicolon || (byte === slash && before === slash)) pathFacts.ambiguous = true;
    before = byte;
  }
  return path;
}

export type PathDetail = "bad_path" | "bad_percent" | "above_root";
const faults = {
  bad_path: { detail: "bad_path" },
  bad_percent: { detail: "bad_percent" },
  above_root: { detail: "above_root" },
} as const;

function normaliseSlowly(path: string): string | { readonly detail: PathDetail } {
  let decoded = "";
  let from = 0;
  for (let at = 0; at < path.length; at++) {
    const byte = path.charCodeAt(at);
    if (byte !== percent) {
      if (pathBytes[byte] !== 1) return faults.bad_path;
      continue;
    }
    const value = encodedByte(path, at);
    if (value <= 0) return faults.bad_percent;
    decoded += path.slice(from, at);
    decoded += unreservedBytes[value] === 1 ? String.fromCharCode(value) : encoded(value);
    if (meaningful.has(value)) pathFacts.ambiguous = true;
    at += 2;
    from = at + 1;
  }
  const plain = removeDots(decoded + path.slice(from));
  if (plain === undefined) return faults.above_root;
  pathFacts.ambiguous ||= plain.includes("//") || plain.includes(";");
  return plain;
}

/** @returns the byte that is encoded at this place; -1 where two hexadecimal digits are missing. */
function encodedByte(text: string, at: number): number {
  const high = hexValues[text.charCodeAt(at + 1)] ?? 255;
  const low = hexValues[text.charCodeAt(at + 2)] ?? 255;
  return high > 15 || low > 15 ? -1 : high * 16 + low;
}

const encoded = (byte: number): string => `%${upperHex[byte >> 4]}${upperHex[byte & 15]}`;

/** RFC 3986 section 5.2.4. @returns undefined where it leads above the root. */
function removeDots(path: string): string | undefined {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/");
  const last = segments.length - 1;
  for (let index = 1; index <= last; index++) {
    const segment = segments[index]!;
    if (segment === "..") {
      if (kept.pop() === undefined) return undefined;
    } else if (segment !== ".") kept.push(segment);
    if (index === last && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/**
 * The path as a lax backend might read it: encoded bytes decoded, and those of `%252F` too; backslashes taken for
 * slashes; a query or a fragment that appears so cut off; slashes merged; `;` and what is behind it cut from each
 * segment; dots removed, those above the root without effect. It is for routing alone, to see whether both readings lead to the same place; it is never sent.
 * @param path in normal form, with {@link pathFacts}.ambiguous set.
 */
export function secondReading(path: string): string {
  const whole = decode(decode(path));
  const end = whole.search(/[?#]/);
  const plain = (end < 0 ? whole : whole.slice(0, end)).replaceAll("\\", "/");
  const kept: string[] = [];
  let isFolder = false;
  for (const part of plain.split("/")) {
    const cut = part.indexOf(";");
    const segment = cut < 0 ? part : part.slice(0, cut);
    isFolder = segment === "" || segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    else if (!isFolder) kept.push(segment);
  }
  return `/${kept.join("/")}${isFolder && kept.length > 0 ? "/" : ""}`;
}

/** A request whose path has no slash behind another one: the same one where it had none. */
export function withMergedSlashes<T extends { readonly path: string }>(request: T): T {
  if (!request.path.includes("//")) return request;
  const path = request.path.replaceAll(/\/{2,}/g, "/");
  normalisePath(path);
  return { ...request, path, secondPath: pathFacts.ambiguous ? secondReading(path) : undefined };
}

/** Decodes every encoded byte once. */
function decode(text: string): string {
  let plain = "";
  let from = 0;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", at + 1)) {
    const value = encodedByte(text, at);
    if (value < 0) continue;
    plain += text.slice(from, at) + String.fromCharCode(value);
    from = at + 3;
    at += 2;
  }
  return plain + text.slice(from);
}
