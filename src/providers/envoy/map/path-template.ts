import { errorAt } from "../../../lib/findings.ts";
import type { PathMatch } from "../../../model/http/match.ts";
import type { PathRewrite } from "../../../model/http/route.ts";
import type { Node, UnknownExtension } from "../node.ts";
import type { Mapping } from "./context.ts";

/** A template as a regular expression that takes the whole path. */
interface CompiledTemplate {
  readonly pattern: string;
  /** Of its groups, in their order. */
  readonly names: readonly string[];
}

const segment = "[A-Za-z0-9\\-._~%!$&'()+,;:@=]+";
const parts: Readonly<Record<string, string>> = { "*": segment, "**": `(?:${segment}(?:/${segment})*/?)?` };

/** A template such as `/media/{country}/{lang=*}/**`. @returns what is wrong with it, as the end of a sentence. */
export function compileTemplate(template: string): CompiledTemplate | string {
  if (!template.startsWith("/")) return "does not begin with a slash";
  const names: string[] = [];
  let pattern = "";
  let from = 0;
  for (const match of template.matchAll(/\{([a-zA-Z_][a-zA-Z0-9_]*)(?:=([^{}]+))?\}|\*\*|\*/g)) {
    pattern += literal(template.slice(from, match.index));
    from = match.index + match[0].length;
    const [whole, name, inner = "*"] = match;
    if (name === undefined) pattern += parts[whole]!;
    else if (names.includes(name)) return `has the variable ${name} twice`;
    else {
      names.push(name);
      pattern += `(${inner
        .split(/(\*\*|\*)/)
        .map((text) => parts[text] ?? literal(text))
        .join("")})`;
    }
  }
  const rest = template.slice(from);
  if (/[{}]/.test(rest)) return "has a brace without its other one";
  return { pattern: pattern + literal(rest), names };
}

const literal = (text: string): string => text.replaceAll(/[\\^$.|?*+()[\]{}]/g, "\\$&");

/** A `path_match_policy`. @returns undefined after an error. */
export function templateMatch(
  policy: Node | UnknownExtension,
  ignoreCase: boolean,
  { report }: Mapping,
): PathMatch | undefined {
  const compiled = compiledOf(policy);
  if (typeof compiled !== "string") return { kind: "regex", value: compiled.pattern, ignoreCase };
  report(errorAt(policy.path, compiled));
  return undefined;
}

function compiledOf(policy: Node | UnknownExtension | undefined): CompiledTemplate | string {
  if (policy === undefined || !("type" in policy) || policy.kind !== "UriTemplateMatchConfig")
    return "expected a template of paths (UriTemplateMatchConfig)";
  return compileTemplate(policy.text("path_template"));
}

/** A `path_rewrite_policy`, which needs a template to match. @returns undefined after an error. */
export function templateRewrite(
  policy: Node | UnknownExtension,
  match: Node | undefined,
  forward: Node,
  { report }: Mapping,
): PathRewrite | undefined {
  const compiled = compiledOf(match?.node("path_match_policy")?.extension("typed_config"));
  if (typeof compiled === "string" || !("type" in policy) || policy.kind !== "UriTemplateRewriteConfig") {
    report(
      errorAt(
        forward.at("path_rewrite_policy"),
        "needs path_match_policy, and a template (UriTemplateRewriteConfig)",
      ),
    );
    return undefined;
  }
  let unknown: string | undefined;
  const replacement = policy
    .text("path_template_rewrite")
    .replaceAll("$", "$$$$")
    .replaceAll(/\{([^{}]*)\}/g, (_whole, name: string) => {
      const index = compiled.names.indexOf(name);
      if (index < 0) unknown ??= name;
      return `$${index + 1}`;
    });
  if (unknown === undefined) return { kind: "regex", pattern: `^${compiled.pattern}$`, replacement };
  report(errorAt(policy.at("path_template_rewrite"), `has the variable ${unknown}, which the match lacks`));
  return undefined;
}
