import type { RequestMatch } from "../../../model/http/match.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** A part of a route's requests. */
export interface ClusterPart {
  readonly match: RequestMatch;
  /** The weighted cluster that they go to; undefined: any of the route's. */
  readonly only: Node | undefined;
}

/** The weighted clusters of a route. */
export const weightedClusters = (route: Node): readonly Node[] =>
  route.node("route")?.node("weighted_clusters")?.nodes("clusters") ?? [];

/**
 * The parts of a route's requests that filters treat differently. Envoy chooses a weighted cluster before filters are asked: where
 * one has settings of its own for them, each cluster gets a part, by chance, as large as its weight.
 */
export function clusterParts(route: Node, match: RequestMatch): readonly ClusterPart[] {
  const weightOf = (cluster: Node): number => cluster.number("weight") ?? 0;
  const clusters = weightedClusters(route).filter((each) => weightOf(each) > 0);
  if (clusters.every((each) => each.map("typed_per_filter_config").size === 0))
    return [{ match, only: undefined }];
  const whole = clusters.reduce((sum, each) => sum + weightOf(each), 0);
  let share = 0;
  return clusters.map((only) => {
    // Each is asked only where those before it did not take the request.
    share += weightOf(only);
    const percent = ((match.percent ?? 100) * share) / whole;
    return { only, match: percent === 100 ? match : { ...match, percent } };
  });
}

/** Tells everything once, though parts of a route are mapped one after the other. */
export function tellingOnce(mapping: Mapping): Mapping {
  const told = new Set<string>();
  return {
    ...mapping,
    report: (finding) => {
      const key = JSON.stringify([finding.path, finding.message]);
      if (!told.has(key)) mapping.report(finding);
      told.add(key);
    },
  };
}
