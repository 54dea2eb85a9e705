import { BlockList, isIP, isIPv6 } from "node:net";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../errors.ts";
import { formatPath } from "../tree.ts";

/** A bind and the key that asks for it. */
export interface Bind {
  readonly path: Path;
  readonly address: SocketAddress;
}

/**
 * Binds that would take each other's connections. The kernel would not refuse them: sockets that share their port
 * with other workers (SO_REUSEPORT) also share it with another listener.
 */
export function checkBinds(binds: readonly Bind[]): Finding[] {
  return binds.flatMap(({ path, address }, index) => {
    const other = binds.slice(0, index).find((earlier) => overlap(earlier.address, address));
    if (other === undefined) return [];
    const [mine, theirs] = [formatAddress(address), formatAddress(other.address)];
    const relation = mine === theirs ? "is" : `overlaps with ${theirs}, which is`;
    return [
      errorAt(
        path,
        `${mine} ${relation} already taken by ${formatPath(other.path)}; choose another port or address`,
      ),
    ];
  });
}

function overlap(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  if (b.kind === "unix") return false;
  if (a.port !== b.port || a.port === 0) return false;
  return covers(a.host, b.host) || covers(b.host, a.host);
}

/** Whether a socket on one host also gets what is meant for the other. `[::]` takes IPv4 too. */
function covers(host: string, other: string): boolean {
  if (host.toLowerCase() === other.toLowerCase()) return true;
  if (host === "0.0.0.0") return !isIPv6(other) || equal(other, "0.0.0.0");
  if (isIP(host) !== 0 && equal(host, "::")) return true;
  if (host.toLowerCase() === "localhost")
    return other === "127.0.0.1" || (isIPv6(other) && equal(other, "::1"));
  return isIP(host) !== 0 && isIP(other) !== 0 && equal(host, other);
}

/** Compares IP addresses whatever their spelling; an IPv4-mapped one equals its IPv4 address. */
function equal(a: string, b: string): boolean {
  const list = new BlockList();
  list.addAddress(withoutZone(a), isIPv6(a) ? "ipv6" : "ipv4");
  return zone(a) === zone(b) && list.check(withoutZone(b), isIPv6(b) ? "ipv6" : "ipv4");
}

function withoutZone(address: string): string {
  return address.split("%", 1)[0]!;
}

function zone(address: string): string | undefined {
  return address.split("%")[1];
}
