import { errorAt } from "../../../lib/findings.ts";
import type { Target } from "../../../model/chain.ts";
import type { RedirectStatus, RouteAction, TargetChanges } from "../../../model/http/route.ts";
import type { Labels } from "../../../model/subset.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { type FieldStep, foldSteps, levelSteps } from "./fields.ts";
import { labelsOf } from "./labels.ts";
import { textOf } from "./material.ts";
import { mapRegexRewrite } from "./rewrite.ts";

/** The changes of fields that a route makes by itself and by what is above it. */
export interface RouteSteps {
  readonly requestSteps: readonly FieldStep[];
  readonly responseSteps: readonly FieldStep[];
  readonly specificWins: boolean;
  /** The weighted cluster that these requests go to; undefined: any of the route's. */
  readonly only: Node | undefined;
}

export async function mapAction(
  route: Node,
  steps: RouteSteps,
  mapping: Mapping,
): Promise<RouteAction | undefined> {
  const forward = route.node("route");
  if (forward !== undefined) return mapForward(forward, steps, mapping);
  const redirect = route.node("redirect");
  if (redirect !== undefined) return mapRedirect(redirect, mapping);
  const direct = route.node("direct_response");
  if (direct !== undefined) return mapResponse(direct, mapping);
  if (route.has("non_forwarding_action")) return { kind: "respond", status: 404, content: undefined };
  mapping.report(errorAt(route.path, "leads nowhere; expected route, redirect or direct_response"));
  return undefined;
}

async function mapResponse(direct: Node, mapping: Mapping): Promise<RouteAction> {
  const status = direct.number("status") ?? 0;
  if (status < 200 || status > 599)
    mapping.report(errorAt(direct.at("status"), "expected a status from 200 to 599"));
  const body = direct.node("body");
  const text = body && (await textOf(body, "the body", mapping));
  const bytes = text === undefined || text === "" ? undefined : new Uint8Array(Buffer.from(text));
  const content = bytes && { source: undefined, bytes, type: "text/plain" };
  return { kind: "respond", status, content };
}

function mapForward(forward: Node, steps: RouteSteps, mapping: Mapping): RouteAction | undefined {
  const field = forward.text("cluster_header").toLowerCase();
  if (field !== "" && labelsOf(forward.node("metadata_match")) !== undefined)
    mapping.report(errorAt(forward.at("metadata_match"), "can't stand beside cluster_header"));
  if (field !== "") return { kind: "pools", to: [], field };
  const weighted = forward.node("weighted_clusters");
  const to = mapTarget(forward, mapping, steps.only);
  const changes = (steps.only === undefined ? (weighted?.nodes("clusters") ?? []) : [steps.only]).flatMap(
    (each) => changesOf(each, steps, mapping) ?? [],
  );
  return to && { kind: "pools", to, ...(changes.length > 0 && { changes }) };
}

/** A weighted cluster may change fields by itself, before its route does. @returns undefined where it changes nothing. */
function changesOf(
  cluster: Node,
  { requestSteps, responseSteps, specificWins }: RouteSteps,
  mapping: Mapping,
): TargetChanges | undefined {
  const of = (side: "request" | "response"): readonly FieldStep[] => levelSteps(cluster, side, mapping);
  const [request, response] = [of("request"), of("response")];
  const host = cluster.text("host_rewrite_literal") || undefined;
  if (request.length + response.length === 0 && host === undefined) return undefined;
  const join = (own: readonly FieldStep[], others: readonly FieldStep[]) =>
    foldSteps(specificWins ? [...others, ...own] : [...own, ...others]);
  return {
    pool: cluster.text("name"),
    requestFields: join(request, requestSteps),
    responseFields: join(response, responseSteps),
    host,
  };
}

const partOf = (subset: Labels | undefined): { readonly subset?: Labels } =>
  subset === undefined ? {} : { subset };

/** The cluster of a route or of `tcp_proxy`, or its weighted ones, those of weight 0 left out. @param only one of these. */
export function mapTarget(owner: Node, { report }: Mapping, only?: Node): Target | undefined {
  const cluster = owner.text("cluster");
  const labels = labelsOf(owner.node("metadata_match"));
  if (cluster !== "") return [{ pool: cluster, weight: 1, ...partOf(labels) }];
  const weighted = owner.node("weighted_clusters");
  // Its own labels come before those of all of them.
  const labelsOfOne = (each: Node): Labels | undefined => {
    const own = labelsOf(each.node("metadata_match"));
    return own === undefined ? labels : { ...labels, ...own };
  };
  const target = (only === undefined ? (weighted?.nodes("clusters") ?? []) : [only])
    .map((each) => ({
      pool: each.text("name"),
      weight: each.number("weight") ?? 0,
      ...partOf(labelsOfOne(each)),
    }))
    .filter(({ weight }) => weight > 0);
  if (target.length > 0) return target;
  report(
    errorAt(
      (weighted ?? owner).path,
      "leads nowhere; expected cluster, or weighted_clusters with weights above 0",
    ),
  );
  return undefined;
}

/** The names of the clusters that a route may lead to, none without a `RouteAction`. @returns undefined where requests name them. */
export function clustersOf(forward: Node | undefined, only: Node | undefined): readonly string[] | undefined {
  if (forward === undefined) return [];
  if (only !== undefined) return [only.text("name")];
  if (forward.text("cluster_header") !== "") return undefined;
  const cluster = forward.text("cluster");
  if (cluster !== "") return [cluster];
  const weighted = forward.node("weighted_clusters")?.nodes("clusters") ?? [];
  return weighted.filter((each) => (each.number("weight") ?? 0) > 0).map((each) => each.text("name"));
}

const statuses: Readonly<Record<string, RedirectStatus>> = {
  "": 301,
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

async function mapRedirect(redirect: Node, mapping: Mapping): Promise<RouteAction> {
  const scheme = redirect.flag("https_redirect") === true ? "https" : redirect.text("scheme_redirect");
  if (!["", "http", "https"].includes(scheme))
    mapping.report(errorAt(redirect.at("scheme_redirect"), "expected http or https"));
  const [path = "", query] = redirect.text("path_redirect").split("?");
  if (path.includes("#")) mapping.report(errorAt(redirect.at("path_redirect"), "has a fragment"));
  const prefix = redirect.has("prefix_rewrite") ? redirect.text("prefix_rewrite") : undefined;
  const host = redirect.text("host_redirect").toLowerCase() || undefined;
  const regex = redirect.node("regex_rewrite");
  const drops = redirect.flag("strip_query") === true;
  return {
    kind: "redirect",
    redirect: {
      scheme: scheme === "http" || scheme === "https" ? scheme : undefined,
      host,
      port: redirect.number("port_redirect") || (host === undefined && scheme !== "" ? "same" : undefined),
      status: statuses[redirect.text("response_code")]!,
      path:
        path !== ""
          ? { kind: "path", path }
          : prefix !== undefined
            ? { kind: "prefix", prefix }
            : regex && (await mapRegexRewrite(regex, mapping)),
      ...((drops || query !== undefined) && { query: drops || query === undefined ? "" : `?${query}` }),
    },
  };
}
