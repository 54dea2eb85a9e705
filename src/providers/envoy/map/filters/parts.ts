import type { Compression } from "../../../../model/http/compression.ts";
import type { Cors } from "../../../../model/http/cors.ts";
import type { RequestMatch } from "../../../../model/http/match.ts";
import type { Sticky } from "../../../../model/http/route.ts";
import type { Node } from "../../node.ts";
import type { FieldStep } from "../fields.ts";

/** The messages by which a route tells what limits count. */
export interface RouteLimits {
  readonly route: readonly Node[];
  readonly host: readonly Node[];
  /** Whether the host's count beside the route's. */
  readonly includesHost: boolean;
}

/** The things that filters give a route. */
export interface RouteParts {
  /** The condition of its rule. */
  readonly match: RequestMatch;
  /** Its name. */
  readonly route: string;
  /** Its `RateLimit`s, and those of its host. */
  readonly limits: RouteLimits;
  /** The clusters that it leads to, none where it answers by itself; undefined: a field of the request names them. */
  readonly clusters: readonly string[] | undefined;
  /** Names of guards, as a route has them. */
  readonly guards: string[][];
  cors: Cors | undefined;
  compress: Compression | undefined;
  sticky: Sticky | undefined;
  /** In bytes. */
  maxBody: number | undefined;
  readonly requestSteps: FieldStep[];
  readonly responseSteps: FieldStep[];
  readonly requestTrailerSteps: FieldStep[];
  readonly responseTrailerSteps: FieldStep[];
  /** Parts of its requests that a filter treats in another way: rules that stand before its own. */
  readonly special: RouteParts[];
}

export const newParts = (given: Pick<RouteParts, "route" | "match" | "clusters" | "limits">): RouteParts => ({
  ...given,
  guards: [],
  cors: undefined,
  compress: undefined,
  sticky: undefined,
  maxBody: undefined,
  requestSteps: [],
  responseSteps: [],
  requestTrailerSteps: [],
  responseTrailerSteps: [],
  special: [],
});

/** Splits off a part of a route's requests: it has all that filters gave so far, and the filters behind give to it, too. */
export function splitOff(parts: RouteParts, match: RequestMatch): RouteParts {
  const split: RouteParts = {
    ...parts,
    match,
    guards: [...parts.guards],
    requestSteps: [...parts.requestSteps],
    responseSteps: [...parts.responseSteps],
    requestTrailerSteps: [...parts.requestTrailerSteps],
    responseTrailerSteps: [...parts.responseTrailerSteps],
    special: [],
  };
  parts.special.push(split);
  return split;
}

/** A route's parts in the order in which they are asked, its own last. */
export const inOrder = (parts: RouteParts): readonly RouteParts[] => [
  ...parts.special.flatMap(inOrder),
  parts,
];
