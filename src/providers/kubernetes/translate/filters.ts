import { isEditable } from "../../../http/edits.ts";
import { normalisePath } from "../../../http/uri/path.ts";
import type { Cors } from "../../../model/http/cors.ts";
import type { FieldChanges, HttpRoute, Redirect, RedirectStatus } from "../../../model/http/route.ts";
import type { HeaderModifier, PathModifier, RequestMirror, RouteFilter } from "../gateway-api.ts";
import { type Problem, problem } from "./conditions.ts";

/** The changes that a rule's filters make to a route. */
export interface Filtered {
  readonly requestFields: FieldChanges;
  readonly responseFields: FieldChanges;
  readonly rewrite: HttpRoute["rewrite"];
  readonly redirect: (Omit<Redirect, "port"> & { readonly port: number | undefined }) | undefined;
  readonly cors: Cors | undefined;
  readonly mirrors: readonly RequestMirror[];
  /** Why the rule can't be followed as it is: its requests are answered with an error. */
  readonly problem: Problem | undefined;
}

const unchanged: FieldChanges = { set: {}, add: {}, remove: [] };

const nothing: Filtered = {
  requestFields: unchanged,
  responseFields: unchanged,
  rewrite: { path: undefined, host: undefined },
  redirect: undefined,
  cors: undefined,
  mirrors: [],
  problem: undefined,
};

/** A filter that is not understood must not be left out. */
export function readFilters(filters: readonly RouteFilter[]): Filtered {
  let all = nothing;
  for (const filter of filters) {
    const one = readFilter(filter, all);
    if ("reason" in one) return { ...all, problem: one };
    all = { ...all, ...one };
  }
  if (all.redirect !== undefined && (all.rewrite.path ?? all.rewrite.host) !== undefined)
    return { ...all, problem: problem("IncompatibleFilters", "a rule redirects or rewrites, not both") };
  return all;
}

function readFilter(filter: RouteFilter, so: Filtered): Partial<Filtered> | Problem {
  const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror, cors } =
    filter;
  switch (filter.type) {
    case "RequestHeaderModifier":
      return withFields(requestHeaderModifier ?? {}, (requestFields) => ({ requestFields }));
    case "ResponseHeaderModifier":
      return withFields(responseHeaderModifier ?? {}, (responseFields) => ({ responseFields }));
    case "RequestRedirect":
      return readRedirect(requestRedirect ?? {});
    case "URLRewrite": {
      const path = pathOf(urlRewrite?.path);
      if (path !== undefined && "reason" in path) return path;
      return { rewrite: { path, host: urlRewrite?.hostname?.toLowerCase() } };
    }
    case "RequestMirror":
      return requestMirror === undefined ? {} : { mirrors: [...so.mirrors, requestMirror] };
    case "CORS":
      return cors === undefined ? {} : { cors: readCors(cors) };
    default:
      return problem("UnsupportedValue", `umay has no filter ${filter.type}`);
  }
}

function withFields(
  modifier: HeaderModifier,
  of: (changes: FieldChanges) => Partial<Filtered>,
): Partial<Filtered> | Problem {
  const changes = fieldChanges(modifier);
  return "reason" in changes ? changes : of(changes);
}

export function fieldChanges({ set = [], add = [], remove = [] }: HeaderModifier): FieldChanges | Problem {
  const wrong = [...set, ...add]
    .map(({ name }) => name)
    .concat(remove)
    .find((name) => !isEditable(name));
  if (wrong !== undefined)
    return problem(
      "UnsupportedValue",
      `header ${wrong} says where a message goes or ends, and is umay's own`,
    );
  const broken = [...set, ...add].find(({ value }) => hasControl(value));
  if (broken !== undefined)
    return problem("UnsupportedValue", `the value of header ${broken.name} has a control character`);
  const texts = (values: HeaderModifier["set"] & {}) =>
    Object.fromEntries(values.map(({ name, value }) => [name.toLowerCase(), [value]]));
  return { set: texts(set), add: texts(add), remove: remove.map((name) => name.toLowerCase()) };
}

const hasControl = (text: string): boolean =>
  [...text].some((letter) => (letter < " " && letter !== "\t") || letter === "\x7f");

const statuses: readonly number[] = [301, 302, 303, 307, 308];

function readRedirect(redirect: NonNullable<RouteFilter["requestRedirect"]>): Partial<Filtered> | Problem {
  const { scheme, hostname, port, statusCode = 302 } = redirect;
  const path = pathOf(redirect.path);
  if (path !== undefined && "reason" in path) return path;
  if (scheme !== undefined && scheme !== "http" && scheme !== "https")
    return problem("UnsupportedValue", `umay redirects to http and https, not to ${scheme}`);
  if (!statuses.includes(statusCode))
    return problem("UnsupportedValue", `${statusCode} is no status of a redirect`);
  const status = statusCode as RedirectStatus;
  return { redirect: { scheme, host: hostname?.toLowerCase(), port, path, status } };
}

function pathOf(path: PathModifier | undefined): NonNullable<Redirect["path"]> | undefined | Problem {
  if (path === undefined) return undefined;
  const isPrefix = path.type === "ReplacePrefixMatch";
  if (!isPrefix && path.type !== "ReplaceFullPath")
    return problem("UnsupportedValue", `umay does not know the path change ${path.type}`);
  const text = (isPrefix ? path.replacePrefixMatch : path.replaceFullPath) ?? "";
  const plain = normalisePath(text.startsWith("/") ? text : `/${text}`);
  if (typeof plain !== "string") return problem("UnsupportedValue", `${text} is no path`);
  return isPrefix ? { kind: "prefix", prefix: plain.replace(/\/+$/, "") } : { kind: "path", path: plain };
}

function readCors(cors: NonNullable<RouteFilter["cors"]>): Cors {
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [] } = cors;
  return {
    origins: allowOrigins.map((origin) => origin.toLowerCase()),
    methods: allowMethods,
    headers: allowHeaders.map((name) => name.toLowerCase()),
    expose: exposeHeaders,
    credentials: cors.allowCredentials ?? false,
    maxAge: (cors.maxAge ?? 5) * 1_000,
  };
}

/** The share of requests that a mirror gets, in percent. */
export function percentOf({ percent, fraction }: RequestMirror): number {
  if (percent !== undefined) return percent;
  return fraction === undefined ? 100 : (fraction.numerator / (fraction.denominator ?? 100)) * 100;
}

/** Changes as if one were made behind the other. */
export function composed(first: FieldChanges, second: FieldChanges): FieldChanges {
  const replaced = new Set([...Object.keys(second.set), ...second.remove]);
  const left = (values: FieldChanges["set"]): FieldChanges["set"] =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !replaced.has(name)));
  const added = left(first.add);
  const both = Object.entries(second.add).map(([name, value]) => {
    const before = added[name];
    return [name, before === undefined ? value : [...before, ", ", ...value]] as const;
  });
  return {
    set: { ...left(first.set), ...second.set },
    add: { ...added, ...Object.fromEntries(both) },
    remove: [...new Set([...first.remove, ...second.remove])].filter(
      (name) => !(name in second.set) && !(name in left(first.set)),
    ),
  };
}
