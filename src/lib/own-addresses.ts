import { networkInterfaces } from "node:os";
import { canonicalAddress } from "./address.ts";
import { AddressSet } from "./address-set.ts";
import { parseCidr } from "./cidr.ts";

/** The addresses that this machine has now, without zones; loopback ones too. */
export function ownAddresses(): ReadonlySet<string> {
  const interfaces = Object.values(networkInterfaces());
  return new Set(interfaces.flatMap((all = []) => all.map(({ address }) => address)));
}

/** Unspecified, loopback and link-local addresses (RFC 6890, RFC 4291 sections 2.5.2, 2.5.3 and 2.5.6). */
const near = new AddressSet(
  ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::/128", "::1/128", "fe80::/10"].map((text) => {
    const parsed = parseCidr(text);
    if (typeof parsed === "string") throw new Error(`${text} ${parsed}`);
    return parsed.cidr;
  }),
);

/** Whether an IP address means something else on each machine: this machine itself, or a neighbour on its link. */
export const isNear = (address: string): boolean => near.has(plain(address));

/** Whether a connection to an IP address stays on this machine, or on its link. */
export const isHere = (address: string, own = ownAddresses()): boolean =>
  isNear(address) || own.has(plain(address));

/** In its one spelling: `::ffff:7f00:1` is 127.0.0.1. */
function plain(host: string): string {
  const address = canonicalAddress({ kind: "tcp", host, port: 0 });
  return address.kind === "tcp" ? address.host : "";
}
