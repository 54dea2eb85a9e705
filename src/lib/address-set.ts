import { BlockList, isIPv4 } from "node:net";
import type { Cidr } from "./cidr.ts";

/** A set of address ranges. */
export class AddressSet {
  // One list for each family: a BlockList treats IPv4 addresses as IPv4-mapped ones, so ::/0 would cover all of IPv4 too.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  constructor(cidrs: readonly Cidr[]) {
    for (const { family, address, prefix } of cidrs)
      (family === "ipv4" ? this.#ipv4 : this.#ipv6).addSubnet(address, prefix, family);
  }

  /** @param address IPv4-mapped ones unmapped, with or without a zone. */
  has(address: string): boolean {
    if (isIPv4(address)) return this.#ipv4.check(address, "ipv4");
    const zone = address.indexOf("%");
    return this.#ipv6.check(zone === -1 ? address : address.slice(0, zone), "ipv6");
  }
}
