import { errorAt } from "../../../lib/findings.ts";
import type { HostSource, HttpRoute, PathRewrite } from "../../../model/http/route.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapRegex } from "./match.ts";
import { templateRewrite } from "./path-template.ts";

/** The changes that a route makes to path and host. @param match of the route. */
export async function mapRewrite(
  forward: Node,
  match: Node | undefined,
  mapping: Mapping,
): Promise<HttpRoute["rewrite"]> {
  const hostFrom = await hostSource(forward, mapping);
  return {
    path: await mapPath(forward, match, mapping),
    host: forward.text("host_rewrite_literal") || undefined,
    ...(forward.flag("auto_host_rewrite") === true && { ownHost: true }),
    ...(hostFrom !== undefined && { hostFrom }),
  };
}

async function hostSource(forward: Node, mapping: Mapping): Promise<HostSource | undefined> {
  const name = forward.text("host_rewrite_header").toLowerCase();
  if (name !== "") return { kind: "field", name };
  const rewrite = forward.node("host_rewrite_path_regex");
  const mapped = rewrite && (await mapRegexRewrite(rewrite, mapping));
  return mapped?.kind === "regex"
    ? { kind: "path", pattern: mapped.pattern, replacement: mapped.replacement }
    : undefined;
}

async function mapPath(
  forward: Node,
  match: Node | undefined,
  mapping: Mapping,
): Promise<PathRewrite | undefined> {
  if (forward.has("prefix_rewrite")) return mapPrefix(forward, match, mapping);
  const policy = forward.node("path_rewrite_policy")?.extension("typed_config");
  if (policy !== undefined) return templateRewrite(policy, match, forward, mapping);
  const rewrite = forward.node("regex_rewrite");
  return rewrite && mapRegexRewrite(rewrite, mapping);
}

function mapPrefix(forward: Node, match: Node | undefined, { report }: Mapping): PathRewrite {
  if (match?.has("safe_regex"))
    report(errorAt(forward.at("prefix_rewrite"), "needs a match by prefix or path; use regex_rewrite"));
  const prefix = forward.text("prefix_rewrite");
  if (/[^\x21-\x7e]/.test(prefix))
    report(errorAt(forward.at("prefix_rewrite"), "has a character that no path has; write it as %XX"));
  const bare = match?.has("path_separated_prefix") ? prefix.replace(/\/$/, "") : prefix;
  return { kind: "prefix", prefix: bare };
}

/** A `RegexMatchAndSubstitute`. @returns undefined after an error. */
export async function mapRegexRewrite(rewrite: Node, mapping: Mapping): Promise<PathRewrite | undefined> {
  const matcher = rewrite.node("pattern");
  if (matcher === undefined) {
    mapping.report(errorAt(rewrite.path, "expected a pattern"));
    return undefined;
  }
  // Envoy writes \1 where umay writes $1.
  const replacement = rewrite
    .text("substitution")
    .replaceAll("$", "$$$$")
    .replaceAll(/\\(\d)/g, "$$$1");
  const pattern = await mapRegex(matcher, mapping, replacement);
  return pattern === undefined ? undefined : { kind: "regex", pattern, replacement, all: true };
}
