import { loadRegexes, type Regexes } from "../../../lib/regex.ts";
import type { Guard } from "../../../model/http/guard.ts";
import type { RequestMatch } from "../../../model/http/match.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import { ownerText, type RouteOwner } from "./overlaps.ts";
import type { PlacedHttpRoute } from "./places.ts";
import type { Pools } from "./pools.ts";

/** Compiles parts of a route table as workers do. @throws what would keep a worker from serving the table. */
export interface Compiler {
  tryMatch(match: RequestMatch, regexes: Regexes): void;
  tryRoute(route: HttpRoute, regexes: Regexes): void;
  tryGuard(guard: Guard): void;
}

/** A rule that workers could not serve. */
export interface RefusedRule {
  readonly owner: RouteOwner;
  /** With the rule's name. */
  readonly message: string;
}

/** A part of a rule that is tried. */
type Part = RequestMatch | HttpRoute | Guard;

/** By part: why it can't be compiled; empty: it can. */
type Known = WeakMap<Part, string>;

/** Parts that did not change are tried once. */
const known: Known = new WeakMap();

/**
 * Tries every rule before workers do: they serve all of a table or nothing, so one bad rule would keep every later change of
 * the cluster from being served.
 */
export class Trial {
  /** Each once. */
  readonly refused = new Map<string, RefusedRule>();
  readonly #compiler: Compiler;
  readonly #regexes: Regexes;
  readonly #pools: Pools;

  static async with(compiler: Compiler, pools: Pools): Promise<Trial> {
    return new Trial(compiler, await loadRegexes(), pools);
  }

  private constructor(compiler: Compiler, regexes: Regexes, pools: Pools) {
    this.#compiler = compiler;
    this.#regexes = regexes;
    this.#pools = pools;
  }

  /** The rule as workers can serve it: one whose match they can't is left out, and nobody gets past a guard that they can't have. */
  passed(rule: PlacedHttpRoute): PlacedHttpRoute | undefined {
    const { tryMatch, tryRoute, tryGuard } = this.#compiler;
    for (const match of rule.matches)
      if (!this.#passes(rule, match, () => tryMatch(match, this.#regexes))) return undefined;
    const { route } = rule;
    const bad =
      (rule.guards ?? []).find((guard) => !this.#passes(rule, guard, () => tryGuard(guard))) ??
      (this.#passes(rule, route, () => tryRoute(route, this.#regexes)) ? undefined : route);
    return bad === undefined ? rule : closed(rule, this.#pools.invalid(route.name, known.get(bad)!));
  }

  /** Notes a rule that can't be served. */
  refuse(owner: RouteOwner, message: string): void {
    this.refused.set(`${ownerText(owner)} ${message}`, { owner, message });
  }

  #passes({ owner, route: { name } }: PlacedHttpRoute, part: Part, run: () => void): boolean {
    let why = known.get(part);
    if (why === undefined) {
      why = failureOf(run);
      known.set(part, why);
    }
    if (why === "") return true;
    this.refuse(owner, `${name}: ${why}`);
    return false;
  }
}

function failureOf(run: () => void): string {
  try {
    run();
    return "";
  } catch (error) {
    return (error as Error).message || "it can't be compiled";
  }
}

/** The rule without anything that has to be compiled. @param pool that can't be had: nobody gets past it. */
export const closed = (rule: PlacedHttpRoute, pool: string): PlacedHttpRoute => ({
  ...rule,
  route: withoutAll(rule.route, pool),
  guards: [],
});

const withoutAll = (route: HttpRoute, pool: string): HttpRoute => ({
  ...route,
  allow: [],
  deny: [],
  guards: [],
  action: { kind: "pools", to: [{ pool, weight: 1 }] },
  rewrite: { path: undefined, host: undefined },
  requestFields: unchanged,
  responseFields: unchanged,
  mirrors: [],
  cors: undefined,
});

const unchanged: HttpRoute["requestFields"] = { set: {}, add: {}, remove: [] };
