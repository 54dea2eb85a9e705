import { AddressSet } from "../../../lib/address-set.ts";
import { type Cidr, formatCidr } from "../../../lib/cidr.ts";
import type { HttpRoute } from "../../../model/http/route.ts";

/** Whose requests a route takes, by the client's address. */
export class Access {
  readonly #allow: AddressSet | undefined;
  readonly #deny: AddressSet | undefined;

  constructor({ allow, deny }: Pick<HttpRoute, "allow" | "deny">) {
    this.#allow = allow.length === 0 ? undefined : new AddressSet(allow);
    this.#deny = deny.length === 0 ? undefined : new AddressSet(deny);
  }

  /** @param client empty for a unix socket's client, which no range holds: it is never denied, and always allowed. */
  admits(client: string): boolean {
    if (client === "") return true;
    if (this.#deny?.has(client)) return false;
    return this.#allow?.has(client) ?? true;
  }
}

/** What decides, as the configuration has it: `deny 10.0.0.0/8`; for explanations. */
export function accessRule({ allow, deny }: Pick<HttpRoute, "allow" | "deny">, client: string): string {
  if (allow.length + deny.length === 0) return "no allow or deny";
  if (client === "") return "its client has no address";
  const holding = (cidrs: readonly Cidr[]): Cidr | undefined =>
    cidrs.find((cidr) => new AddressSet([cidr]).has(client));
  const denied = holding(deny);
  if (denied !== undefined) return `deny ${formatCidr(denied)}`;
  const allowed = holding(allow);
  if (allowed !== undefined) return `allow ${formatCidr(allowed)}`;
  return allow.length === 0 ? "in no deny" : "in no allow";
}
