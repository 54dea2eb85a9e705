import type { HttpFront } from "../../model/http/front.ts";
import type { FieldChanges, HttpRoute } from "../../model/http/route.ts";
import type { Decision } from "../decide/http/decide.ts";

/** The changes that a route makes, one an entry. @param path as it is matched. */
export function changesOf(decision: Decision, path: string): string[] {
  if (decision.kind === "refuse") return [];
  const { rewrite, requestFields, responseFields } = decision.rule.route.definition;
  const changes = decision.kind === "forward" ? fieldWords("request", requestFields) : [];
  if (decision.kind === "forward") {
    if (rewrite.host !== undefined) changes.unshift(`host -> ${rewrite.host}`);
    if (decision.path !== path) changes.unshift(`path ${path} -> ${decision.path}`);
  }
  return [...changes, ...fieldWords("response", responseFields)];
}

function fieldWords(of: string, { set, add, remove }: FieldChanges): string[] {
  const parts = { set: Object.keys(set), add: Object.keys(add), remove };
  return Object.entries(parts)
    .filter(([, names]) => names.length > 0)
    .map(([does, names]) => `${of}: ${does} ${names.join(" ")}`);
}

/** The limits that count for a request of a route. */
export function limitsOf({ timeouts, maxBody }: HttpRoute, { timeouts: usual, limits }: HttpFront): string[] {
  const body = maxBody ?? limits.body;
  return [
    `first byte ${time(timeouts.firstByte)}`,
    `idle ${time(timeouts.idle ?? usual.idle)}`,
    timeouts.request === undefined ? "no limit for the whole" : `whole ${time(timeouts.request)}`,
    body === 0 ? "body of any size" : `body ${size(body)}`,
  ];
}

/** As the configuration would write it. */
function time(milliseconds: number): string {
  for (const [unit, length] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const)
    if (milliseconds >= length && milliseconds % length === 0) return `${milliseconds / length}${unit}`;
  return `${milliseconds}ms`;
}

function size(bytes: number): string {
  for (const [unit, length] of [
    ["GiB", 1_024 ** 3],
    ["MiB", 1_024 ** 2],
    ["KiB", 1_024],
  ] as const)
    if (bytes >= length && bytes % length === 0) return `${bytes / length}${unit}`;
  return `${bytes}B`;
}
