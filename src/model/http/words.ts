import type { PathMatch, RequestMatch, ValueMatch } from "./match.ts";
import type { Redirect, RouteAction } from "./route.ts";

/*
 * Rules in a few words, for people. Words follow the configuration's.
 */

/** `prefix /v1, GET or POST, header x-client = "app"`; `any request` without a condition. */
export function describeMatch({ path, methods, headers, query, percent }: RequestMatch): string {
  const parts = [
    path === undefined ? "" : describePath(path),
    methods.join(" or "),
    ...headers.map((header) => `header ${describeValue(header)}`),
    ...query.map((key) => `query ${describeValue(key)}`),
    percent === undefined ? "" : `${percent} % of them`,
  ].filter((part) => part !== "");
  return parts.join(", ") || "any request";
}

const pathWords = { exact: "path", prefix: "prefix", "text-prefix": "begins with", regex: "regex" } as const;

function describePath({ kind, value, ignoreCase }: PathMatch): string {
  return `${pathWords[kind]} ${value === "" ? "/" : value}${ignoreCase ? " (any case)" : ""}`;
}

const testWords = {
  exact: "=",
  prefix: "begins",
  suffix: "ends",
  contains: "has",
  regex: "matches",
} as const;

function describeValue({ name, test, not }: ValueMatch): string {
  if (test.kind === "range") return `${not ? "not " : ""}${name} from ${test.from} to below ${test.to}`;
  if (test.kind === "present") return `${name} ${not ? "absent" : "present"}`;
  const text = `${name} ${testWords[test.kind]} ${JSON.stringify(test.value)}${test.ignoreCase ? " (any case)" : ""}`;
  return not ? `not ${text}` : text;
}

/** `pool api`, `pools a (95), b (5)`, `redirect 308 to https://…`, `answer 200`. */
export function describeAction(action: RouteAction): string {
  switch (action.kind) {
    case "pools": {
      if (action.field !== undefined) return `the pool that field ${action.field} names`;
      const [first, ...others] = action.to;
      if (others.length === 0) return `pool ${first?.pool}`;
      return `pools ${action.to.map(({ pool, weight }) => `${pool} (${weight})`).join(", ")}`;
    }
    case "redirect":
      return `redirect ${action.redirect.status} to ${describeRedirect(action.redirect)}`;
    case "respond":
      return `answer ${action.status}`;
  }
}

const pathTexts = {
  path: ({ path }: { path: string }) => path,
  prefix: ({ prefix }: { prefix: string }) => `${prefix.replace(/\/$/, "")}/…`,
  regex: ({ replacement }: { replacement: string }) => replacement,
} as const;

function describeRedirect({ scheme, host, port, path }: Redirect): string {
  const isElsewhere = scheme !== undefined || host !== undefined || typeof port === "number";
  const parts = [
    scheme && `${scheme}:`,
    isElsewhere && `//${host ?? "…"}`,
    typeof port === "number" && `:${port}`,
    path && pathTexts[path.kind](path as never),
  ].filter((part) => typeof part === "string");
  return parts.join("");
}
