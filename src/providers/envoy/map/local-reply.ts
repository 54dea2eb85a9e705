import { warningAt } from "../../../lib/findings.ts";
import type { ErrorPage } from "../../../model/http/front.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { textOf } from "./material.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A `LocalReplyConfig`: texts of its own for some statuses. A text with operators is not made. */
export async function mapLocalReplies(
  config: Node | undefined,
  mapping: Mapping,
): Promise<readonly ErrorPage[]> {
  const pages: ErrorPage[] = [];
  for (const mapper of config?.nodes("mappers") ?? []) {
    const range = rangeOf(mapper.node("filter"));
    const format = mapper.node("body_format_override");
    const body = mapper.node("body");
    const text =
      body === undefined ? (format?.text("text_format") ?? "") : await textOf(body, "the body", mapping);
    if (range === undefined || text === undefined || text === "" || /%[A-Z_]+/.test(text)) {
      mapping.report(warningAt(mapper.path, "has no effect: umay has fixed texts for ranges of statuses"));
      continue;
    }
    const status = mapper.number("status_code");
    pages.push({
      ...range,
      content: {
        source: undefined,
        bytes: new Uint8Array(Buffer.from(text)),
        type: format?.text("content_type") || "text/plain",
      },
      ...(status !== undefined && { status }),
    });
  }
  return pages;
}

/** The statuses that a filter takes. @returns undefined where it asks for something else. */
function rangeOf(filter: Node | undefined): Range | undefined {
  if (filter === undefined) return { from: 400, to: 599 };
  const comparison = filter.node("status_code_filter")?.node("comparison");
  const value = comparison?.node("value")?.number("default_value");
  if (comparison === undefined || value === undefined) return undefined;
  switch (comparison.text("op") || "EQ") {
    case "GE":
      return { from: value, to: 599 };
    case "LE":
      return { from: 400, to: value };
    case "EQ":
      return { from: value, to: value };
    default:
      return undefined;
  }
}
