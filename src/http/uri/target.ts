import { isWord, queryBytes } from "../bytes.ts";
import type { Detail } from "../fault.ts";
import { normalisePath, pathFacts, secondReading } from "./path.ts";

/** The result of {@link readTarget}; read it before the next call. */
export const target = {
  /** In normal form; `*` for the whole server. */
  path: "/",
  secondPath: undefined as string | undefined,
  /** With its question mark, as it came. */
  query: "",
  /** Of the absolute form; undefined in the others. */
  authority: undefined as string | undefined,
};

/**
 * Reads a request's target (RFC 9112 section 3.2): a path with an optional query, an absolute URI of http or https, or
 * `*` with OPTIONS. A fragment is refused, as is the authority alone, which only CONNECT has.
 * @returns what is wrong with it, else undefined; then {@link target} has the result.
 */
export function readTarget(text: string, method: string): Detail | undefined {
  target.authority = undefined;
  if (text.startsWith("/")) return readPath(text, 0);
  if (text === "*" && method === "OPTIONS") {
    target.path = "*";
    target.query = "";
    target.secondPath = undefined;
    return undefined;
  }
  return readAbsolute(text, method);
}

/** Reads path and query. @param from where they begin. */
function readPath(text: string, from: number): Detail | undefined {
  const mark = text.indexOf("?", from);
  const end = mark < 0 ? text.length : mark;
  for (let at = end; at < text.length; at++) if (queryBytes[text.charCodeAt(at)] !== 1) return "bad_target";
  const path = normalisePath(end === text.length && from === 0 ? text : text.slice(from, end));
  if (typeof path !== "string") return path.detail;
  target.path = path;
  target.secondPath = pathFacts.ambiguous ? secondReading(path) : undefined;
  target.query = mark < 0 ? "" : text.slice(mark);
  return undefined;
}

function readAbsolute(text: string, method: string): Detail | undefined {
  const mark = text.indexOf("://");
  if (!isWord(text, 0, mark, "http") && !isWord(text, 0, mark, "https")) return "bad_target";
  const start = mark + 3;
  let end = start;
  while (end < text.length && text[end] !== "/" && text[end] !== "?" && text[end] !== "#") end++;
  target.authority = text.slice(start, end);
  if (target.authority === "") return "bad_target";
  if (text[end] === "/") return readPath(text, end);
  // Without a path it asks for the root, or with OPTIONS for the whole server (RFC 9112 section 3.2.4).
  const detail = readPath(`/${text.slice(end)}`, 0);
  if (detail === undefined && method === "OPTIONS" && end === text.length) target.path = "*";
  return detail;
}
