import type { Finding } from "../../lib/findings.ts";
import { Node, type Value } from "../envoy/node.ts";
import { formatPath } from "../toml/tree.ts";

/** Whether a part of a resource that umay does not know is an error, or is left out with a warning. */
export type UnknownParts = "refuse" | "warn";

/**
 * Errors and warnings in words, each once. An error about nothing but an extension that umay does not know, and that can be left
 * out, is a warning where `unknown` says so.
 * @param nodes the messages that the findings are about.
 */
export function sortFindings(
  findings: readonly Finding[],
  nodes: Iterable<Node>,
  unknown: UnknownParts,
): readonly [faults: readonly string[], warnings: readonly string[]] {
  const [faults, warnings] = [new Set<string>(), new Set<string>()];
  const optional = new Set<string>();
  if (unknown === "warn" && findings.some(({ severity }) => severity === "error"))
    for (const node of nodes) for (const path of optionalPaths(node)) optional.add(path);
  for (const { severity, path, message } of findings) {
    const isFault = severity === "error" && !optional.has(formatPath(path));
    (isFault ? faults : warnings).add(`${formatPath(path.slice(1))} ${message}`.trim());
  }
  return [[...faults], [...warnings]];
}

/** Lists and maps of extensions; one can be left out, and the rest still means the same for what is served. */
const lists: ReadonlySet<string> = new Set(["http_filters", "listener_filters"]);
const maps: ReadonlySet<string> = new Set(["typed_per_filter_config"]);

/** Places of extensions that umay does not know: their own, and those of the list entries that consist of them. */
function* optionalPaths(resource: Node): Generator<string> {
  for (const node of resource.all())
    for (const [name, value] of node.entries()) {
      if (lists.has(name))
        yield* [...(value as readonly Node[])].flatMap((each) => unknownIn(each, "typed_config"));
      if (maps.has(name))
        for (const each of (value as ReadonlyMap<string, Value>).values()) yield* unknownOf(each);
    }
}

/** @param field of the message, which has the extension. */
function unknownIn(entry: Node, field: string): readonly string[] {
  const extension = entry.extension(field);
  return extension === undefined || "type" in extension
    ? []
    : [formatPath(entry.path), formatPath(extension.path)];
}

/** Settings of a route for a filter, perhaps in a `FilterConfig`. */
function unknownOf(value: Value): readonly string[] {
  if (value instanceof Node) return value.kind === "FilterConfig" ? unknownIn(value, "config") : [];
  return typeof value === "object" && "url" in value ? [formatPath(value.path)] : [];
}
