import type { FieldEdits } from "../../../http/edits.ts";
import type { Regexes } from "../../../lib/regex.ts";
import type { Guard } from "../../../model/http/guard.ts";
import type { HttpRoute, TargetChanges } from "../../../model/http/route.ts";
import type { CompileRegex } from "../../../model/http/text-test.ts";
import type { PlacedRoute } from "../../../model/snapshot.ts";
import { Access } from "./access.ts";
import { CorsRules } from "./cors.ts";
import { compileRedirect, type LocationOf } from "./redirect.ts";
import { compileHostRewrite, compilePathRewrite, type RewriteHost, type RewritePath } from "./rewrite.ts";
import { compileChanges, type TemplateFacts } from "./template.ts";

/** A route with all that can be prepared before a request comes. */
export interface CompiledRoute {
  readonly name: string;
  readonly definition: HttpRoute;
  /** Where its requests are counted; undefined: only with their listener's. */
  readonly place: PlacedRoute | undefined;
  readonly access: Access;
  /** As it names them; for explanations. */
  readonly guards: readonly (readonly Guard[])[];
  /** Undefined: browsers are told what backends say. */
  readonly cors: CorsRules | undefined;
  /** Undefined: the path stays. */
  readonly rewritePath: RewritePath | undefined;
  /** Undefined: the host does not depend on the request. */
  readonly rewriteHost: RewriteHost | undefined;
  /** Undefined: it redirects nobody. */
  readonly locationOf: LocationOf | undefined;
  /** Undefined: nothing changes. */
  readonly requestFields: FieldEdits<TemplateFacts> | undefined;
  readonly responseFields: FieldEdits<TemplateFacts> | undefined;
  readonly requestTrailers: FieldEdits<TemplateFacts> | undefined;
  readonly responseTrailers: FieldEdits<TemplateFacts> | undefined;
  /** The route as it is for some of its pools, by their names; undefined: it is the same for all. */
  readonly variants: ReadonlyMap<string, CompiledRoute> | undefined;
}

type GuardsByName = ReadonlyMap<string, Guard>;

/** @param regexes needed where the route has a regular expression. @throws RegexError */
export function compileRoute(
  definition: HttpRoute,
  regexes: Regexes | undefined,
  { place, guards }: { readonly place?: PlacedRoute | undefined; readonly guards?: GuardsByName } = {},
): CompiledRoute {
  const { name, action, rewrite } = definition;
  const whole: CompileRegex = (pattern, ignoreCase) => regexes!.whole(pattern, ignoreCase);
  const route: CompiledRoute = {
    name,
    definition,
    place,
    access: new Access(definition),
    guards: definition.guards.map((group) => group.flatMap((guard) => guards?.get(guard) ?? [])),
    cors: definition.cors && new CorsRules(definition.cors, whole),
    rewriteHost: rewrite.hostFrom && compileHostRewrite(rewrite.hostFrom, regexes),
    rewritePath: rewrite.path && compilePathRewrite(rewrite.path, regexes),
    locationOf: action.kind === "redirect" ? compileRedirect(action.redirect, regexes) : undefined,
    requestFields: compileChanges(definition.requestFields, whole),
    responseFields: compileChanges(definition.responseFields, whole),
    requestTrailers: compileChanges(definition.requestTrailers, whole),
    responseTrailers: compileChanges(definition.responseTrailers, whole),
    variants: undefined,
  };
  if (action.kind !== "pools" || action.changes === undefined) return route;
  return {
    ...route,
    variants: new Map(action.changes.map((changes) => [changes.pool, variantOf(route, changes, whole)])),
  };
}

function variantOf(
  route: CompiledRoute,
  { requestFields, responseFields, host }: TargetChanges,
  whole: CompileRegex,
): CompiledRoute {
  const { rewrite } = route.definition;
  return {
    ...route,
    definition: {
      ...route.definition,
      requestFields,
      responseFields,
      rewrite: { ...rewrite, host: host ?? rewrite.host },
    },
    rewriteHost: host === undefined ? route.rewriteHost : undefined,
    requestFields: compileChanges(requestFields, whole),
    responseFields: compileChanges(responseFields, whole),
  };
}
