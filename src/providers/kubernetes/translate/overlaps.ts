import type { RequestMatch } from "../../../model/http/match.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import type { RouteHost } from "../../../model/http/route-table.ts";
import { describeMatch } from "../../../model/http/words.ts";
import type { RouteKindName } from "./spots.ts";

/** The object that a route of the model comes from. */
export interface RouteOwner {
  readonly kind: RouteKindName | "Ingress";
  readonly namespace: string;
  readonly name: string;
}

/** Two objects that ask for the same requests of a host: the loser gets none of them. */
export interface Overlap {
  readonly winner: RouteOwner;
  readonly loser: RouteOwner;
  /** `prefix /x of a.example.com`. */
  readonly what: string;
}

/** Finds matches that an earlier rule of another object has. @param ownerOf by the name of a route. */
export function overlapsIn(
  hosts: readonly RouteHost<HttpRoute>[],
  ownerOf: ReadonlyMap<string, RouteOwner>,
): readonly Overlap[] {
  return hosts.flatMap(({ name, rules }) => {
    const first = new Map<string, RouteOwner>();
    return rules.flatMap(({ match, route }): readonly Overlap[] => {
      const key = keyOf(match);
      const [winner, loser] = [first.get(key), ownerOf.get(route.name)];
      if (winner === undefined && loser !== undefined) first.set(key, loser);
      if (winner === undefined || loser === undefined || isSame(winner, loser)) return [];
      return [{ winner, loser, what: `${describeMatch(match)} of ${name === "*" ? "any host" : name}` }];
    });
  });
}

/** Matches of routes that did not change stay the same objects. */
const keys = new WeakMap<RequestMatch, string>();

/** Equal for equal matches. */
function keyOf(match: RequestMatch): string {
  const key = keys.get(match) ?? JSON.stringify(match);
  keys.set(match, key);
  return key;
}

const isSame = (left: RouteOwner, right: RouteOwner): boolean =>
  left.kind === right.kind && left.namespace === right.namespace && left.name === right.name;

/** `HTTPRoute default/shop`. */
export const ownerText = ({ kind, namespace, name }: RouteOwner): string => `${kind} ${namespace}/${name}`;

export const takenBy = (what: string, winner: RouteOwner): string =>
  `${what} is taken by ${ownerText(winner)}, which has precedence`;
