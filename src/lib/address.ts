import { isIPv6, SocketAddress as NetAddress } from "node:net";

/**
 * Where a socket listens or connects: an IP address or host name with a port, or a unix socket's path. A path that begins
 * with `@` is an abstract name, which has no file.
 */
export type SocketAddress =
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      /** `::` takes no IPv4. */
      readonly v6Only?: true;
    }
  | { readonly kind: "unix"; readonly path: string };

/** `10.0.0.1:80`, `[::1]:80`, `name:80` or `unix:/path`: the text that {@link parseAddress} reads. */
export function formatAddress(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return isIpv6Host(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** For a valid host only: no name has a colon. `net.isIPv6` compiles a pattern first, which took 5 ms of umay's start. */
export const isIpv6Host = (host: string): boolean => host.includes(":");

/**
 * Reads `host:port`, `[v6]:port` or `unix:/path`.
 * @returns the address, or a sentence that says what is wrong with the text.
 */
export function parseAddress(text: string): SocketAddress | string {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (path === "") return "names no path after unix:";
    // sockaddr_un has 108 bytes, the last one for the NUL.
    if (Buffer.byteLength(path) > 107)
      return "is longer than the 107 bytes that a unix socket's path may have";
    return { kind: "unix", path };
  }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  if (match === null) return describeMistake(text);
  const host = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  if (host === "") return "has no host before the port (0.0.0.0 is every IPv4 address, [::] every address)";
  if (match[1] !== undefined && !isIPv6(host))
    return `has something in brackets that is no IPv6 address: ${host}`;
  if (port > 65535) return `has a port above 65535: ${match[3]}`;
  return { kind: "tcp", host, port };
}

function describeMistake(text: string): string {
  if (isIPv6(text) || /^[0-9a-f:.]*:[0-9a-f:.]*:\d+$/i.test(text))
    return "has an IPv6 address without brackets; write [address]:port";
  if (!text.includes(":")) return "has no port; write host:port";
  return "is not host:port, [v6]:port or unix:/path";
}

/** The IPv4 address inside an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2), any other address as it is. */
export function unmapAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/** The one spelling of an address: IPv6 as RFC 5952 writes it, IPv4-mapped ones as IPv4, host names in lower case. */
export function canonicalAddress(address: SocketAddress): SocketAddress {
  if (address.kind === "unix") return address;
  const [host = "", zone] = address.host.toLowerCase().split("%");
  if (!isIpv6Host(host)) return { ...address, host };
  const short = unmapAddress(new NetAddress({ address: host, family: "ipv6" }).address);
  return { ...address, host: zone === undefined ? short : `${short}%${zone}` };
}
