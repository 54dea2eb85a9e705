import { BlockList, isIPv4 } from "node:net";
import type { Cidr } from "./cidr.ts";

/** Ranges of addresses, to ask whether an address is in one of them. */
export class AddressSet {
  // One for each family: a BlockList takes IPv4 addresses for IPv4-mapped ones, so that ::/0 would be all of IPv4 too.
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
