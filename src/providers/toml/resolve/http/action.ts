import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import type { RequestMatch } from "../../../../model/http/match.ts";
import type { PathRewrite, Redirect, RouteAction } from "../../../../model/http/route.ts";
import type { RouteSettings } from "../../schema/http/route.ts";
import { readContent, textContent } from "./content.ts";
import { checkRegex, given, type Resolving } from "./context.ts";

const actions = ["pool", "pools", "redirect", "respond"] as const;

/** The action that a route leads to. @param path of the route. */
export async function resolveAction(
  settings: RouteSettings,
  matches: readonly RequestMatch[],
  path: Path,
  resolving: Resolving,
): Promise<RouteAction> {
  const [action, another] = given(settings, actions);
  const { pool, pools, redirect, respond } = settings;
  if (another !== undefined)
    resolving.report(
      errorAt([...path, another], `stands beside ${action}; a route has one of ${actions.join(", ")}`),
    );
  if (redirect !== undefined)
    return {
      kind: "redirect",
      redirect: resolveRedirect(redirect, matches, [...path, "redirect"], resolving),
    };
  if (respond !== undefined) return resolveRespond(respond, [...path, "respond"], resolving);
  if (action === undefined)
    resolving.report(errorAt(path, `leads nowhere; expected one of ${actions.join(", ")}`));
  if (pools?.every(({ weight }) => weight === 0))
    resolving.report(errorAt([...path, "pools"], "leads nowhere: every weight is 0; give one a larger one"));
  return { kind: "pools", to: pools ?? (pool === undefined ? [] : [{ pool, weight: 1 }]) };
}

function resolveRedirect(
  { scheme, host, port, status, ...paths }: NonNullable<RouteSettings["redirect"]>,
  matches: readonly RequestMatch[],
  path: Path,
  resolving: Resolving,
): Redirect {
  if (given({ scheme, host, port, ...paths }, ["scheme", "host", "port", "path", "path_prefix"]).length === 0)
    resolving.report(
      errorAt(path, "leads to where the request came from; add scheme, host, port, path or path_prefix"),
    );
  return { scheme, host, port, status, path: fixedPath(paths, matches, path, resolving) };
}

async function resolveRespond(
  { status, body, file, type }: NonNullable<RouteSettings["respond"]>,
  path: Path,
  resolving: Resolving,
): Promise<RouteAction> {
  const media = type ?? "text/plain; charset=utf-8";
  const content =
    file === undefined ? undefined : await readContent(file, media, [...path, "file"], resolving);
  if (file !== undefined && body !== undefined)
    resolving.report(errorAt([...path, "file"], "stands beside body; an answer has one of them"));
  if (file === undefined && body === undefined && type !== undefined)
    resolving.report(errorAt([...path, "type"], "needs body or file"));
  // RFC 9110 sections 15.3.5 and 15.4.5.
  const bare = [204, 205, 304].includes(status);
  const [extra] = bare ? given({ body, file }, ["body", "file"]) : [];
  if (extra !== undefined)
    resolving.report(
      errorAt([...path, extra], `an answer with status ${status} has no body; remove this key`),
    );
  return {
    kind: "respond",
    status,
    content: content ?? (body === undefined ? undefined : textContent(body, media)),
  };
}

interface PathChange {
  readonly path?: string | undefined;
  readonly path_prefix?: string | undefined;
}

/** @param path of the table that has the keys. */
function fixedPath(
  change: PathChange,
  matches: readonly RequestMatch[],
  path: Path,
  { report }: Resolving,
): Exclude<PathRewrite, { kind: "regex" }> | undefined {
  for (const key of given(change, ["path", "path_prefix"]))
    if (/\$\w/.test(change[key]!))
      report(
        warningAt(
          [...path, key],
          "is taken letter by letter: no variable is filled in",
          "rewrite has path_regex and with, which take parts of the path over",
        ),
      );
  if (change.path !== undefined && change.path_prefix !== undefined)
    report(errorAt([...path, "path_prefix"], "stands beside path; there can be one of them"));
  if (change.path !== undefined) return { kind: "path", path: change.path };
  if (change.path_prefix === undefined) return undefined;
  if (matches.some((match) => match.path !== undefined && match.path.kind !== "prefix"))
    report(
      errorAt(
        [...path, "path_prefix"],
        "needs matches by path_prefix alone, because it replaces the prefix that matched",
      ),
    );
  return { kind: "prefix", prefix: change.path_prefix };
}

/** The change that a route makes to the path. @param path of the table `rewrite`. */
export async function resolveRewrite(
  settings: RouteSettings["rewrite"],
  matches: readonly RequestMatch[],
  path: Path,
  resolving: Resolving,
): Promise<PathRewrite | undefined> {
  const { path_regex: pattern, with: replacement } = settings;
  const fixed = fixedPath(settings, matches, path, resolving);
  if (pattern === undefined) {
    if (replacement !== undefined) resolving.report(errorAt([...path, "with"], "needs path_regex"));
    return fixed;
  }
  if (fixed !== undefined)
    resolving.report(
      errorAt([...path, "path_regex"], "stands beside another change of the path; there can be one"),
    );
  if (replacement === undefined) {
    resolving.report(errorAt([...path, "path_regex"], "needs with, which is put in place of what it takes"));
    return undefined;
  }
  await checkRegex(resolving, [...path, "path_regex"], pattern, replacement);
  return { kind: "regex", pattern, replacement };
}
