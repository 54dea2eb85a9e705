import type { PathMatch, RequestMatch, ValueMatch } from "../../../model/http/match.ts";
import type { Rule } from "../../../model/http/route-table.ts";
import {
  type CompiledTest,
  type CompileRegex,
  compileValueTest,
  lowerAscii,
} from "../../../model/http/text-test.ts";
import { PathIndex } from "./path-index.ts";

/** The parts of a request that rules look at, after the host. */
export interface RequestFacts {
  /** In normal form, or `*`. */
  readonly path: string;
  readonly method: string;
  /** The first header field of this name, or all of them joined by a comma; undefined: there is none. @param name in lower case. */
  header(name: string): string | undefined;
  /** The value of the first key of this name, decoded; undefined: there is none. */
  queryValue(name: string): string | undefined;
  /** The draw of the request, from 0 to below 100, the same for every rule; undefined: every part of all requests has it. */
  readonly chance?: number | undefined;
}

/** The first condition of a match that does not hold. */
export type Mismatch =
  | { readonly kind: "path" | "method" | "chance" }
  | { readonly kind: "header" | "query"; readonly name: string };

interface ValueTest {
  readonly name: string;
  readonly holds: CompiledTest;
}

interface CompiledRule<Route> {
  readonly rule: Rule<Route>;
  readonly methods: readonly string[];
  readonly headers: readonly ValueTest[];
  readonly query: readonly ValueTest[];
  readonly percent: number | undefined;
}

interface RegexPath {
  readonly rule: number;
  readonly matches: (path: string) => boolean;
}

const byPath: Mismatch = { kind: "path" };
const byMethod: Mismatch = { kind: "method" };
const byChance: Mismatch = { kind: "chance" };

/** Reused by every look-up of the worker: looking up is never interrupted. */
const fitting: (readonly number[])[] = [];

/**
 * The rules of one host, built to be looked up: paths by a walk down a tree, so that ten thousand rules cost what ten do;
 * the other conditions only of the rules whose path fits, first rule first.
 */
export class HostRules<Route> {
  readonly #rules: readonly CompiledRule<Route>[];
  readonly #paths = new PathIndex();
  /** Of paths that are compared without their case; undefined where there are none. */
  #folded: PathIndex | undefined;
  readonly #regexes: RegexPath[] = [];

  /** @throws where a regular expression is none. */
  constructor(rules: readonly Rule<Route>[], compileRegex: CompileRegex) {
    this.#rules = rules.map((rule) => compileRule(rule, compileRegex));
    for (const [index, { match }] of rules.entries()) this.#addPath(match.path, index, compileRegex);
  }

  /** @returns the first rule that matches. */
  find(request: RequestFacts): Rule<Route> | undefined {
    const { path } = request;
    let best = this.#rules.length;
    fitting.length = 0;
    this.#paths.collect(path, fitting);
    if (this.#folded !== undefined) this.#folded.collect(lowerAscii(path), fitting);
    for (const indexes of fitting) best = this.#first(indexes, request, best);
    for (const { rule, matches } of this.#regexes) {
      if (rule >= best) break;
      if (otherMismatch(this.#rules[rule]!, request) === undefined && matches(path)) {
        best = rule;
        break;
      }
    }
    return this.#rules[best]?.rule;
  }

  /** Every rule in order, with why it does not match; for explanations. */
  *judge(request: RequestFacts): Generator<{ rule: Rule<Route>; mismatch: Mismatch | undefined }> {
    const lists: (readonly number[])[] = [];
    this.#paths.collect(request.path, lists);
    this.#folded?.collect(lowerAscii(request.path), lists);
    const fits = new Set(lists.flat());
    for (const { rule, matches } of this.#regexes) if (matches(request.path)) fits.add(rule);
    for (const [index, compiled] of this.#rules.entries())
      yield { rule: compiled.rule, mismatch: fits.has(index) ? otherMismatch(compiled, request) : byPath };
  }

  #first(indexes: readonly number[], request: RequestFacts, best: number): number {
    for (const index of indexes) {
      if (index >= best) break;
      if (otherMismatch(this.#rules[index]!, request) === undefined) return index;
    }
    return best;
  }

  #addPath(path: PathMatch | undefined, rule: number, compileRegex: CompileRegex): void {
    if (path === undefined) this.#paths.add("text-prefix", "", rule);
    else if (path.kind === "regex")
      this.#regexes.push({ rule, matches: compileRegex(path.value, path.ignoreCase) });
    else if (path.ignoreCase) {
      this.#folded ??= new PathIndex();
      this.#folded.add(path.kind, lowerAscii(path.value), rule);
    } else this.#paths.add(path.kind, path.value, rule);
  }
}

function compileRule<Route>(rule: Rule<Route>, compileRegex: CompileRegex): CompiledRule<Route> {
  const { methods, headers, query, percent }: RequestMatch = rule.match;
  const compile = (match: ValueMatch): ValueTest => ({
    name: match.name,
    holds: compileValueTest(match, compileRegex),
  });
  return { rule, methods, headers: headers.map(compile), query: query.map(compile), percent };
}

/** The first condition that does not hold, but for the path's. */
function otherMismatch<Route>(rule: CompiledRule<Route>, request: RequestFacts): Mismatch | undefined {
  if (rule.methods.length > 0 && !rule.methods.includes(request.method)) return byMethod;
  for (const { name, holds } of rule.headers)
    if (!holds(request.header(name))) return { kind: "header", name };
  for (const { name, holds } of rule.query)
    if (!holds(request.queryValue(name))) return { kind: "query", name };
  return rule.percent !== undefined && (request.chance ?? 0) >= rule.percent ? byChance : undefined;
}
