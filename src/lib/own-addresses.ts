import { networkInterfaces } from "node:os";

/** The addresses that this machine has now, without zones; loopback ones too. */
export function ownAddresses(): ReadonlySet<string> {
  const interfaces = Object.values(networkInterfaces());
  return new Set(interfaces.flatMap((all = []) => all.map(({ address }) => address)));
}
