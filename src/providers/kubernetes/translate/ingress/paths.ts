import { normalisePath } from "../../../../http/uri/path.ts";
import { RegexError, type Regexes } from "../../../../lib/regex.ts";
import type { PathMatch } from "../../../../model/http/match.ts";
import type { PathRewrite } from "../../../../model/http/route.ts";
import type { IngressPath } from "../../core.ts";
import { type Problem, problem } from "../conditions.ts";
import type { Draft } from "./draft.ts";

/** The condition and the change of a path. */
export interface ReadPath {
  readonly match: PathMatch;
  readonly rewrite: PathRewrite | undefined;
}

/** @param nginx whether paths mean what ingress-nginx takes them for, where the API leaves that open. */
export function readPath(
  { path = "/", pathType }: Pick<IngressPath, "path" | "pathType">,
  draft: Draft,
  nginx: boolean,
  regexes: Regexes,
): ReadPath | Problem {
  if (draft.isRegex && pathType !== "Exact") return readRegex(path, draft, regexes);
  const plain = normalisePath(path.startsWith("/") ? path : `/${path}`);
  if (typeof plain !== "string") return problem("BadPath", `${path} is no path`);
  const target = draft.rewriteTarget === undefined ? undefined : normalisePath(draft.rewriteTarget);
  if (typeof target === "object") return problem("BadAnnotation", `${draft.rewriteTarget} is no path`);
  // Without groups the target is the whole of the new path.
  const rewrite: PathRewrite | undefined = target === undefined ? undefined : { kind: "path", path: target };
  return { match: plainMatch(plain, pathType, nginx), rewrite };
}

function plainMatch(path: string, type: IngressPath["pathType"], nginx: boolean): PathMatch {
  if (type === "Exact") return { kind: "exact", value: path, ignoreCase: false };
  // A location of nginx takes letters, not segments.
  if (type === "ImplementationSpecific" && nginx)
    return { kind: "text-prefix", value: path, ignoreCase: false };
  return { kind: "prefix", value: path.replace(/\/+$/, ""), ignoreCase: false };
}

/** As `location ~* "^PATH"` and `rewrite "(?i)PATH" TARGET break` of nginx: case does not count, and the end is open. */
function readRegex(path: string, { rewriteTarget }: Draft, regexes: Regexes): ReadPath | Problem {
  const value = `(?:${path.replace(/^\^/, "")}).*`;
  const pattern = `(?is)^${path.replace(/^\^/, "")}.*$`;
  try {
    regexes.whole(value, true);
    const match: PathMatch = { kind: "regex", value, ignoreCase: true };
    if (rewriteTarget === undefined) return { match, rewrite: undefined };
    if (/\$(?!\d)/.test(rewriteTarget))
      return problem("BadAnnotation", `rewrite-target ${rewriteTarget} has a variable of nginx`);
    regexes.replaceFirst(pattern, rewriteTarget);
    return { match, rewrite: { kind: "regex", pattern, replacement: rewriteTarget } };
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    return problem("BadPath", `${JSON.stringify(path)} ${error.message}`);
  }
}
