import type { AccessRules } from "../../model/http/guard.ts";
import { compileCondition, type Holds } from "./condition.ts";
import type { GuardedRequest, Verdict } from "./step.ts";

/** Judges requests by rules: the first one that a request meets decides. */
export class RulesJudge {
  readonly #rules: readonly { readonly name: string; readonly holds: Holds; readonly allows: boolean }[];
  readonly #otherwise: boolean;

  /** @throws where a rule has a regular expression, and {@link loadRegexes} was not awaited. */
  constructor({ rules, otherwise }: AccessRules) {
    this.#rules = rules.map(({ name, when, allows }) => ({ name, holds: compileCondition(when), allows }));
    this.#otherwise = otherwise;
  }

  /** A request whose path can be read in two ways has to be let in both ways. */
  judge(request: GuardedRequest): Verdict {
    const target = request.header(":path") ?? "";
    const verdict = this.#decide(request, target);
    const { secondPath } = request;
    if (verdict.kind === "refuse" || secondPath === undefined) return verdict;
    const query = target.indexOf("?");
    return this.#decide(request, query < 0 ? secondPath : secondPath + target.slice(query));
  }

  #decide(request: GuardedRequest, target: string): Verdict {
    for (const { name, holds, allows } of this.#rules)
      if (holds(request, target)) return allows ? { kind: "pass" } : denied(`rule ${name}`);
    return this.#otherwise ? { kind: "pass" } : denied("no rule lets it in");
  }
}

const denied = (detail: string): Verdict => ({ kind: "refuse", reason: "auth_denied", detail });
