import { networkInterfaces } from "node:os";
import { canonicalAddress } from "./address.ts";
import { AddressSet } from "./address-set.ts";
import { parseCidr } from "./cidr.ts";

/** The addresses that this machine has now, without zones; loopback ones too. */
export function ownAddresses(): ReadonlySet<string> {
  const interfaces = Object.values(networkInterfaces());
  return new Set(interfaces.flatMap((all = []) => all.map(({ address }) => address)));
}

const unspecified = ["0.0.0.0/8", "::/128"];
const linkLocal = ["169.254.0.0/16", "fe80::/10"];

/** Unspecified, loopback and link-local addresses (RFC 6890, RFC 4291 sections 2.5.2, 2.5.3 and 2.5.6). */
const near = setOf([...unspecified, "127.0.0.0/8", "::1/128", ...linkLocal]);
const ofNobody = setOf(unspecified);
/**
 * Servers that tell each machine of a cloud about itself, secrets included, where they are not on the link: of Amazon's and Google's
 * over IPv6, of Azure's, Alibaba's and Oracle's.
 */
const ofMetadata = setOf([
  "fd00:ec2::254/128",
  "fd20:ce::254/128",
  "168.63.129.16/32",
  "100.100.100.200/32",
  "192.0.0.192/32",
]);

function setOf(ranges: readonly string[]): AddressSet {
  return new AddressSet(
    ranges.map((text) => {
      const parsed = parseCidr(text);
      if (typeof parsed === "string") throw new Error(`${text} ${parsed}`);
      return parsed.cidr;
    }),
  );
}

/** Whether it is no machine's address. The system connects to this machine itself in its place. */
export const isUnspecified = (address: string): boolean => ofNobody.has(plain(address));

/** Whether strangers are to have no way there by umay: this machine itself, its link, and its cloud's server of metadata. */
export const isGuarded = (address: string): boolean => isNear(address) || ofMetadata.has(plain(address));

/** Whether an IP address means something else on each machine: this machine itself, or a neighbour on its link. */
export const isNear = (address: string): boolean => near.has(plain(address));

/** Whether a connection to an IP address stays on this machine, or on its link. */
export const isHere = (address: string, own = ownAddresses()): boolean =>
  isNear(address) || own.has(plain(address));

/** In its one spelling, and without a zone: `::ffff:7f00:1%lo` is 127.0.0.1. */
function plain(host: string): string {
  const address = canonicalAddress({ kind: "tcp", host, port: 0 });
  return address.kind === "tcp" ? address.host.split("%", 1)[0]! : "";
}
