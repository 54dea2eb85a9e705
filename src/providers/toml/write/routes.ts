import { servesOf } from "../../../model/check/http/routes.ts";
import type { RequestMatch, ValueMatch } from "../../../model/http/match.ts";
import { compareMatches } from "../../../model/http/precedence.ts";
import type {
  FieldChanges,
  HttpRoute,
  HttpRouteTable,
  PathRewrite,
  Redirect,
  RouteAction,
  Sticky,
} from "../../../model/http/route.ts";
import type { Template } from "../../../model/http/template.ts";
import type { Model } from "../../../model/model.ts";
import { duration, list, table, type Writing } from "./context.ts";
import { writeForwarding } from "./forwarding.ts";
import { writeGroups } from "./guards.ts";

/** Every route of every table, with the listeners and hosts that it is for, and a priority where the order needs one. */
export function writeRoutes(model: Model, writing: Writing): object | undefined {
  const routes: Record<string, object> = {};
  for (const each of model.routeTables) {
    const listeners = model.listeners
      .filter((listener) => servesOf(listener).some(({ routes: used }) => used === each.name))
      .map(({ name }) => writing.name(name));
    const only = model.routeTables.length > 1 ? listeners : undefined;
    for (const [route, written] of routesOfTable(each, only, writing)) routes[writing.name(route)] = written;
  }
  return table(routes);
}

function routesOfTable(
  { hosts, fallsThrough, name: owner }: HttpRouteTable,
  listeners: readonly string[] | undefined,
  writing: Writing,
): Map<string, object> {
  const written = new Map<string, object>();
  if (!fallsThrough && hosts.length > 1)
    writing.omit(
      `routes of ${owner}: requests that no route of their host takes get 404; here those of wildcards are asked then`,
    );
  const names = new Map<HttpRoute, string[]>();
  for (const { name, rules } of hosts)
    for (const { route } of rules) names.set(route, [...(names.get(route) ?? []), name]);
  for (const { rules } of hosts) {
    const inOrder = rules.every(
      ({ match }, index) => index === 0 || compareMatches(rules[index - 1]!.match, match) <= 0,
    );
    for (const [index, { match, route }] of rules.entries()) {
      if (written.has(route.name)) continue;
      const own = names.get(route)!.filter((host) => host !== "*");
      const hosted = own.length === names.get(route)!.length ? own : [];
      const priority = inOrder ? undefined : Math.max(-1_000, 1_000 - index);
      written.set(
        route.name,
        writeRoute(route, match, { hosts: list(hosted), listeners, priority }, writing),
      );
    }
  }
  return written;
}

function writeRoute(route: HttpRoute, match: RequestMatch, place: object, writing: Writing): object {
  const { action, rewrite, timeouts, hash, upgrades, requestFields, responseFields, name } = route;
  const { firstByte, request, idle } = timeouts;
  if (rewrite.hostFrom !== undefined) writing.omit(`route ${name}: backends see a host out of the request`);
  // From the begin on there is one part at most.
  if (rewrite.path?.kind === "regex" && rewrite.path.all && !/^\^[^|]*$/.test(rewrite.path.pattern))
    writing.omit(
      `route ${name}: all parts of the path that ${rewrite.path.pattern} takes, not the first alone`,
    );
  if (route.requestTrailers !== undefined || route.responseTrailers !== undefined)
    writing.omit(`route ${name}: changes of fields behind bodies`);
  return table({
    ...place,
    ...writeMatch(match, name, writing),
    ...(action.kind === "pools" && writeTarget(action, name, writing)),
    redirect: action.kind === "redirect" ? writeRedirect(action.redirect, name, writing) : undefined,
    respond:
      action.kind === "respond"
        ? table({
            status: action.status,
            body: action.content && Buffer.from(action.content.bytes).toString("utf8"),
          })
        : undefined,
    rewrite: table({ ...pathOf(rewrite.path), host: rewrite.host }),
    request_headers: writeFields(requestFields, name, writing),
    response_headers: writeFields(responseFields, name, writing),
    timeouts: table({
      first_byte: duration(firstByte),
      try: timeouts.try === undefined ? undefined : duration(timeouts.try),
      request: request === undefined ? undefined : duration(request),
      idle: idle === undefined ? undefined : duration(idle),
    }),
    ...writeGroups(route.guards, name, writing),
    ...writeForwarding(route, writing),
    trace: route.trace && { percent: Math.round(route.trace.percent) },
    hash: list(hash.map((key) => (key.kind === "source-ip" ? key.kind : `${key.kind}:${key.name}`))),
    sticky: route.sticky && writeSticky(route.sticky, name, writing),
    upgrades: action.kind === "pools" && upgrades.length === 0 ? [] : undefined,
  })!;
}

function writeSticky(
  { cookie, field, sameSite, maxAge, strict }: Sticky,
  route: string,
  writing: Writing,
): object | undefined {
  if (field === undefined)
    return table({
      cookie,
      same_site: sameSite,
      strict,
      max_age: maxAge === undefined ? undefined : duration(maxAge),
    });
  writing.omit(`route ${route}: field ${field} keeps clients where they are`);
  return undefined;
}

function writeTarget(
  { to, changes, field }: Extract<RouteAction, { kind: "pools" }>,
  route: string,
  writing: Writing,
): object {
  if (field !== undefined) {
    writing.omit(`route ${route}: field ${field} names the pool`);
    return { respond: { status: 503 } };
  }
  if (changes !== undefined) writing.omit(`route ${route}: what it changes for single pools`);
  if (to.length === 1) return { pool: writing.name(to[0]!.pool) };
  return { pools: to.map(({ pool, weight }) => ({ pool: writing.name(pool), weight })) };
}

function writeRedirect(redirect: Redirect, route: string, writing: Writing): object | undefined {
  const { scheme, host, port, status, path, query } = redirect;
  if (port === "same") writing.omit(`route ${route}: the port stays in its redirect`);
  if (query !== undefined) writing.omit(`route ${route}: the query changes in its redirect`);
  if (path?.kind === "regex") writing.omit(`route ${route}: its redirect has a regular expression`);
  const number = typeof port === "number" ? port : undefined;
  return table({ scheme, host, port: number, status, ...(path?.kind === "regex" ? {} : pathOf(path)) });
}

function pathOf(rewrite: PathRewrite | undefined): object {
  switch (rewrite?.kind) {
    case "path":
      return { path: rewrite.path };
    case "prefix":
      return { path_prefix: rewrite.prefix === "" ? "/" : rewrite.prefix };
    case "regex":
      return { path_regex: rewrite.pattern, with: rewrite.replacement };
    default:
      return {};
  }
}

function writeMatch(
  { path, methods, headers, query, percent }: RequestMatch,
  route: string,
  writing: Writing,
): object {
  if (percent !== undefined) writing.omit(`route ${route}: it takes ${percent} % of the requests`);
  const value = path?.value ?? "";
  if (path?.kind === "text-prefix" && !value.endsWith("/") && value !== "")
    writing.omit(`route ${route}: its prefix ${value} takes ${value}x too; here it takes whole segments`);
  const prefix = value === "" ? "/" : value.length > 1 ? value.replace(/\/$/, "") : value;
  const keys = {
    exact: { path: value },
    regex: { path_regex: value },
    prefix: { path_prefix: prefix },
    "text-prefix": { path_prefix: prefix },
  } as const;
  const whole = path === undefined || (path.kind !== "exact" && path.kind !== "regex" && prefix === "/");
  const match = {
    ...(path !== undefined &&
      !(whole && headers.length + query.length + methods.length > 0) &&
      keys[path.kind]),
    methods: list(methods),
    headers: valuesOf(headers, route, writing),
    query: valuesOf(query, route, writing),
  };
  return path?.ignoreCase ? { match: [{ ...table(match), ignore_case: true }] } : match;
}

function valuesOf(values: readonly ValueMatch[], route: string, writing: Writing): object | undefined {
  const written: Record<string, unknown> = {};
  for (const value of values) {
    const { name, test, not } = value;
    if (Object.hasOwn(written, name)) writing.omit(`route ${route}: a second condition on ${name}`);
    if (
      test.kind !== "range" &&
      (name.startsWith(":") || value.missing !== undefined || value.cookie !== undefined)
    ) {
      writing.omit(
        `route ${route}: a condition on ${value.cookie === undefined ? name : `cookie ${value.cookie}`}`,
      );
      continue;
    }
    const more = table({
      not: not ? true : undefined,
      ignore_case: "ignoreCase" in test && test.ignoreCase ? true : undefined,
    });
    if (test.kind === "range") writing.omit(`route ${route}: a range of numbers as condition on ${name}`);
    else if (test.kind === "present") written[name] = { present: !not };
    else if (test.kind === "exact" && more === undefined) written[name] = test.value;
    else written[name] = { [test.kind]: test.value, ...more };
  }
  return table(written);
}

function writeFields(
  { set, add, remove, removeMatching = [], more = [] }: FieldChanges,
  route: string,
  writing: Writing,
): object | undefined {
  if (more.length > 0)
    writing.omit(
      `route ${route}: changes of ${more.map((each) => each.name).join(", ")} that depend on what is there`,
    );
  if (removeMatching.length > 0)
    writing.omit(`route ${route}: fields that are removed by more than the begin of their names`);
  const texts = (templates: Readonly<Record<string, Template>>): object | undefined =>
    table(
      Object.fromEntries(Object.entries(templates).map(([name, template]) => [name, templateText(template)])),
    );
  return table({ set: texts(set), add: texts(add), remove: list(remove) });
}

const templateText = (template: Template): string =>
  template
    .map((piece) => {
      if (typeof piece === "string") return piece.replaceAll("$", "$$$$");
      if ("header" in piece) return `\${request.header.${piece.header}}`;
      return "claim" in piece ? `\${auth.claim.${piece.claim}}` : `\${${piece.variable}}`;
    })
    .join("");
