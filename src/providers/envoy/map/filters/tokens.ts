import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { RequestMatch } from "../../../../model/http/match.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { mapMatch } from "../match.ts";
import type { RouteParts, TableGuards } from "./filters.ts";
import { intersect } from "./intersect.ts";
import type { ApplyFilter } from "./registry.ts";
import { tokenAuth, tokenPlaces } from "./token-auth.ts";

/**
 * `JwtAuthentication`: the first of its rules that a request matches says which tokens let it in. Rules that take a part of a
 * route's requests make rules of their own, which stand before the route's.
 */
export const applyTokens: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  if (own?.flag("disabled") === true) return;
  const tokens = new Tokens(name, config, parts, guards, mapping);
  const named = own?.text("requirement_name") ?? "";
  if (named !== "") return tokens.require(tokens.named(named, own!), parts.guards);
  for (const rule of config.nodes("rules")) {
    const match = rule.node("match");
    const mapped = match && (await mapMatch(match, mapping));
    if (mapped === undefined) continue;
    const requirement = rule.has("requirement_name")
      ? tokens.named(rule.text("requirement_name"), rule)
      : rule.node("requires");
    const part = intersect(parts.match, mapped);
    if (part === "none") continue;
    if (part === "unknown") {
      mapping.report(
        errorAt(
          match!.path,
          `can't be told apart from the match of route ${parts.route}; use prefixes or paths`,
        ),
      );
      return;
    }
    if (part === "whole") return tokens.require(requirement, parts.guards);
    await tokens.special(part, requirement);
  }
};

/** Makes the guards of requirements. */
class Tokens {
  readonly #name: string;
  readonly #config: Node;
  readonly #parts: RouteParts;
  readonly #guards: TableGuards;
  readonly #mapping: Mapping;

  constructor(name: string, config: Node, parts: RouteParts, guards: TableGuards, mapping: Mapping) {
    this.#name = name;
    this.#config = config;
    this.#parts = parts;
    this.#guards = guards;
    this.#mapping = mapping;
  }

  named(requirement: string, owner: Node): Node | undefined {
    const found = this.#config.map("requirement_map").get(requirement);
    if (found !== undefined && "type" in found) return found;
    this.#mapping.report(
      errorAt(owner.at("requirement_name"), `there is no requirement ${JSON.stringify(requirement)}`),
    );
    return undefined;
  }

  async special(match: RequestMatch, requirement: Node | undefined): Promise<void> {
    const guards = [...this.#parts.guards];
    await this.require(requirement, guards);
    this.#parts.special.push({ match, guards });
  }

  /** Adds groups, of each of which one guard has to let a request in. */
  async require(requirement: Node | undefined, groups: string[][]): Promise<void> {
    if (requirement === undefined) return;
    const all = requirement.node("requires_all")?.nodes("requirements");
    for (const each of all ?? [requirement]) {
      const group = await this.#group(each);
      if (group !== undefined) groups.push(group);
    }
  }

  async #group(requirement: Node): Promise<string[] | undefined> {
    const any = requirement.node("requires_any")?.nodes("requirements") ?? [requirement];
    const group: string[] = [];
    for (const each of any) {
      const name = await this.#one(each);
      if (name === undefined) return undefined;
      group.push(name);
    }
    return group;
  }

  async #one(requirement: Node): Promise<string | undefined> {
    const both = requirement.node("provider_and_audiences");
    const provider = both?.text("provider_name") || requirement.text("provider_name");
    if (provider !== "") return this.#provider(provider, requirement, both?.texts("audiences"));
    const missing = requirement.has("allow_missing");
    if (!missing && !requirement.has("allow_missing_or_failed")) {
      this.#mapping.report(
        errorAt(
          requirement.path,
          "is a requirement in a requirement that umay can't express; expected a provider",
        ),
      );
      return undefined;
    }
    return this.#guards.nameOf(requirement, "rules", `${this.#name}/missing`, (name) => ({
      kind: "rules",
      name,
      rules: missing
        ? [{ name: "no-token", when: { kind: "not", of: tokenPlaces(this.#config) }, allows: true }]
        : [],
      otherwise: !missing,
    }));
  }

  async #provider(
    provider: string,
    requirement: Node,
    audiences: readonly string[] | undefined,
  ): Promise<string | undefined> {
    const found = this.#config.map("providers").get(provider);
    if (found === undefined || !("type" in found)) {
      this.#mapping.report(errorAt(requirement.path, `there is no provider ${JSON.stringify(provider)}`));
      return undefined;
    }
    const name = await this.#guards.nameOf(
      audiences === undefined ? found : requirement,
      "auth",
      provider,
      (label) => tokenAuth(found, label, audiences, this.#mapping),
    );
    this.#change(found);
    return name;
  }

  /** Envoy takes tokens that let in out of requests, and gives claims to backends as fields. */
  #change(provider: Node): void {
    const { requestSteps } = this.#parts;
    for (const claim of provider.nodes("claim_to_headers"))
      requestSteps.push({
        name: claim.text("header_name").toLowerCase(),
        action: "overwrite",
        value: [{ claim: claim.text("claim_name") }],
      });
    if (provider.flag("forward") === true) return;
    const named = provider.nodes("from_headers").map((each) => each.text("name").toLowerCase());
    for (const name of named.length === 0 ? ["authorization"] : named)
      requestSteps.push({ name, action: "remove", value: [] });
    if (provider.texts("from_params").length > 0)
      this.#mapping.report(
        warningAt(
          provider.at("from_params"),
          "tokens in the query stay there, and backends get them; write forward: true",
        ),
      );
  }
}
