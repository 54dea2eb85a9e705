import { SocketAddress as NetAddress } from "node:net";
import { formatAddress, isIpv6Host, type SocketAddress, unmapAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
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
  const canonical = binds.map(({ address }) => canonicalAddress(address));
  return binds.flatMap(({ path, address }, index) => {
    const clash = canonical.slice(0, index).findIndex((earlier) => overlap(earlier, canonical[index]!));
    if (clash === -1) return [];
    const [mine, theirs] = [formatAddress(address), formatAddress(binds[clash]!.address)];
    const relation = mine === theirs ? "is" : `overlaps with ${theirs}, which is`;
    const taker = formatPath(binds[clash]!.path);
    return [errorAt(path, `${mine} ${relation} already taken by ${taker}; choose another port or address`)];
  });
}

/** The one spelling of an address: IPv6 as RFC 5952 writes it, IPv4-mapped ones as IPv4, host names in lower case. */
export function canonicalAddress(address: SocketAddress): SocketAddress {
  if (address.kind === "unix") return address;
  const [host = "", zone] = address.host.toLowerCase().split("%");
  if (!isIpv6Host(host)) return { ...address, host };
  const short = unmapAddress(new NetAddress({ address: host, family: "ipv6" }).address);
  return { ...address, host: zone === undefined ? short : `${short}%${zone}` };
}

function overlap(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  if (b.kind === "unix" || a.port !== b.port || a.port === 0) return false;
  return covers(a.host, b.host) || covers(b.host, a.host);
}

/** Whether a socket on one host also gets what is meant for the other. `[::]` takes IPv4 too. */
function covers(host: string, other: string): boolean {
  if (host === other || host === "::") return true;
  if (host === "0.0.0.0") return !isIpv6Host(other);
  return host === "localhost" && (other === "127.0.0.1" || other === "::1");
}
