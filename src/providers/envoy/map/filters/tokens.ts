import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { mapMatch } from "../match.ts";
import type { TableGuards } from "./filters.ts";
import { intersect } from "./intersect.ts";
import { type RouteParts, splitOff } from "./parts.ts";
import type { ApplyFilter } from "./registry.ts";
import { tokenAuth, tokenPlaces } from "./token-auth.ts";

/**
 * `JwtAuthentication`: the first of its rules that a request matches says which tokens let it in. Rules that take a part of a
 * route's requests make rules of their own, which stand before the route's.
 */
export const applyTokens: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  if (own?.flag("disabled") === true) return;
  const tokens = new Tokens(name, config, guards, mapping);
  const named = own?.text("requirement_name") ?? "";
  if (named !== "") return tokens.require(tokens.named(named, own!), parts);
  for (const rule of config.nodes("rules")) {
    const match = rule.node("match");
    const mapped = match && (await mapMatch(match, mapping));
    if (match === undefined) mapping.report(errorAt(rule.path, "has no match"));
    if (mapped === undefined) continue;
    if (mapped.percent !== undefined)
      mapping.report(
        warningAt(
          match!.at("runtime_fraction"),
          "has no effect: the rule counts for each request, as in Envoy",
        ),
      );
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
    if (part === "whole") return tokens.require(requirement, parts);
    await tokens.require(requirement, splitOff(parts, part));
  }
};

/** Makes the guards of requirements. */
class Tokens {
  readonly #name: string;
  readonly #config: Node;
  readonly #guards: TableGuards;
  readonly #mapping: Mapping;

  constructor(name: string, config: Node, guards: TableGuards, mapping: Mapping) {
    this.#name = name;
    this.#config = config;
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

  /** Adds groups of guards, of each of which one has to let a request in. */
  async require(requirement: Node | undefined, parts: RouteParts): Promise<void> {
    if (requirement === undefined) return;
    const all = requirement.node("requires_all")?.nodes("requirements");
    for (const each of all ?? [requirement]) {
      const group = await this.#group(each, parts);
      if (group !== undefined) parts.guards.push(group);
    }
  }

  async #group(requirement: Node, parts: RouteParts): Promise<string[] | undefined> {
    const any = requirement.node("requires_any")?.nodes("requirements") ?? [requirement];
    const group: string[] = [];
    for (const each of any) {
      const name = await this.#one(each, parts);
      if (name === undefined) return undefined;
      group.push(name);
    }
    return group;
  }

  async #one(requirement: Node, parts: RouteParts): Promise<string | undefined> {
    const both = requirement.node("provider_and_audiences");
    const provider = both?.text("provider_name") || requirement.text("provider_name");
    if (provider !== "") return this.#provider(provider, requirement, both?.texts("audiences"), parts);
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
    parts: RouteParts,
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
    this.#change(found, parts);
    return name;
  }

  /** Envoy takes tokens that let in out of requests, and gives claims to backends as fields. */
  #change(provider: Node, { requestSteps }: RouteParts): void {
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
