import type { KubeObject } from "../meta.ts";
import { byAge } from "./age.ts";
import { type Problem, problem } from "./conditions.ts";
import { placeText, type Spot } from "./spots.ts";

/**
 * The most of some things that a cluster may have, a little less than umay has room for. More of them are refused for
 * themselves, those of the youngest objects first: with one too many, workers would serve nothing new at all.
 */
export const room = {
  /** Auths and rate limits. */
  guards: 1_000,
  /** Rules of routes, of all kinds. */
  rules: 16_000,
  /** Ports of Services, and other places that rules lead to. */
  pools: 16_000,
  /** Addresses with ports. */
  places: 1_000,
} as const;

/** Something that takes room: a rule of requests, or where the bytes of connections go. */
export interface Lodger {
  /** The object that it is of; undefined: it is the youngest. */
  readonly object: KubeObject | undefined;
  /** The rule's name; undefined: it is none. */
  readonly rule: string | undefined;
  readonly pools: readonly string[];
}

/** Those that there is no room for, with what is lacking: the oldest objects come first, at whatever listeners they are. */
export function withoutRoom<Each extends Lodger>(
  lodgers: readonly Each[],
): ReadonlyMap<Each, "rules" | "pools"> {
  const refused = new Map<Each, "rules" | "pools">();
  if (hasRoom(lodgers)) return refused;
  const [rules, pools] = [new Set<string>(), new Set<string>()];
  for (const lodger of [...lodgers].sort(byAgeOfObject)) {
    const { rule } = lodger;
    const more = lodger.pools.filter((pool) => !pools.has(pool));
    if (rule !== undefined && !rules.has(rule) && rules.size >= room.rules) refused.set(lodger, "rules");
    else {
      if (rule !== undefined) rules.add(rule);
      if (pools.size + more.length > room.pools) refused.set(lodger, "pools");
      else for (const pool of more) pools.add(pool);
    }
  }
  return refused;
}

const hasRoom = (lodgers: readonly Lodger[]): boolean =>
  new Set(lodgers.map(({ rule }) => rule)).size <= room.rules &&
  new Set(lodgers.flatMap(({ pools }) => pools)).size <= room.pools;

const byAgeOfObject = ({ object: left }: Lodger, { object: right }: Lodger): number =>
  left === undefined || right === undefined
    ? Number(left === undefined) - Number(right === undefined)
    : byAge(left, right);

/** The listeners whose place there is no room for. @param taken places that are given away. */
export function withoutPlace(spots: readonly Spot[], taken: readonly string[]): ReadonlyMap<Spot, Problem> {
  const places = new Set(taken);
  const refused = new Map<Spot, Problem>();
  const why = problem("PortUnavailable", `there is room for ${room.places} ports`);
  for (const spot of [...spots].sort((left, right) => byAge(left.owner.object, right.owner.object)))
    if (places.size < room.places) places.add(placeText(spot.place));
    else if (!places.has(placeText(spot.place))) refused.set(spot, why);
  return refused;
}
