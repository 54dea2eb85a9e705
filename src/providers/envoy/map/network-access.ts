import { isDeepStrictEqual } from "node:util";
import type { Cidr } from "../../../lib/cidr.ts";
import { errorAt, type Path } from "../../../lib/findings.ts";
import type { Chain } from "../../../model/chain.ts";
import type { Condition } from "../../../model/http/condition.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapPermission, mapPrincipal } from "./filters/conditions.ts";

/** Which clients a chain takes. */
export interface NetworkAccess {
  /** Undefined: all but those that are denied. */
  readonly allow: readonly Cidr[] | undefined;
  readonly deny: readonly Cidr[];
  /** The rules, where they ask for the peer of the connection, which is not the client behind a PROXY header. */
  readonly direct?: Path | undefined;
}

/** The `RBAC` of connections: policies about addresses of clients alone. @returns undefined after an error, or where it says nothing. */
export async function mapNetworkRules(config: Node, mapping: Mapping): Promise<NetworkAccess | undefined> {
  const rules = config.node("rules");
  if (rules === undefined) return undefined;
  const ranges: Cidr[] = [];
  let direct: Path | undefined;
  for (const policy of rules.map("policies").values()) {
    const found = "type" in policy ? await addressesOf(policy, mapping) : undefined;
    if (found === undefined) {
      mapping.report(errorAt(policy.path, "expected any permission, and addresses of clients as principals"));
      return undefined;
    }
    ranges.push(...found.flatMap((each) => each.ranges));
    if (found.some(({ kind }) => kind === "peer")) direct ??= policy.path;
  }
  return rules.text("action") === "DENY"
    ? { allow: undefined, deny: ranges, direct }
    : { allow: ranges, deny: [], direct };
}

type Addresses = Extract<Condition, { ranges: readonly Cidr[] }>;

async function addressesOf(policy: Node, mapping: Mapping): Promise<readonly Addresses[] | undefined> {
  const permissions = await Promise.all(
    policy.nodes("permissions").map((each) => mapPermission(each, mapping)),
  );
  const principals = await Promise.all(policy.nodes("principals").map((each) => mapPrincipal(each, mapping)));
  if (!permissions.every((each) => isDeepStrictEqual(each, { kind: "any" }))) return undefined;
  const isAddress = (each: Condition | undefined): each is Addresses =>
    each?.kind === "client" || each?.kind === "source" || each?.kind === "peer";
  return principals.every(isAddress) ? principals : undefined;
}

/** A chain with chains around it that refuse those whom it does not take. @param secure whether its clients speak TLS. */
export function splitByAccess(
  chain: Chain,
  access: NetworkAccess | undefined,
  secure: boolean,
): readonly Chain[] {
  if (access === undefined) return [chain];
  const refuse = (suffix: string, from: readonly Cidr[]): Chain => ({
    ...chain,
    name: `${chain.name}${suffix}`,
    match: { ...chain.match, from },
    tls: secure ? "passthrough" : undefined,
    settings: undefined,
    serve: { kind: "refuse" },
  });
  const { allow, deny } = access;
  const denied = deny.length === 0 ? [] : [refuse("!deny", deny)];
  if (allow === undefined) return [...denied, chain];
  const others = refuse("!others", chain.match.from);
  return allow.length === 0 ? [others] : [{ ...chain, match: { ...chain.match, from: allow } }, others];
}
