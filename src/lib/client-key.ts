import { isIPv4 } from "node:net";
import { parseIp } from "./proxy-protocol/ip.ts";

/**
 * The identity of a client in 64 bits: its IPv4 address, or the /64 of its IPv6 address. One customer has at least a /64
 * (RFC 6177). Different clients never have the same key.
 */
export interface ClientKey {
  high: number;
  low: number;
}

/**
 * Reads an address, IPv4-mapped ones unmapped, with or without a zone.
 * @param key is filled in, so that nothing is allocated.
 * @returns false when the text is no address.
 */
export function readClientKey(address: string, key: ClientKey): boolean {
  if (isIPv4(address)) {
    // 0:1::/32 is reserved (RFC 4291 section 2.4): no client comes from there.
    key.high = 1;
    key.low = ipv4Number(address);
    return true;
  }
  const zone = address.indexOf("%");
  const ip = parseIp(zone === -1 ? address : address.slice(0, zone));
  if (ip?.length !== 16) return false;
  key.high = ip.readInt32BE(0);
  key.low = ip.readInt32BE(4);
  return true;
}

function ipv4Number(address: string): number {
  let number = 0;
  let octet = 0;
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index);
    if (code === 46) {
      number = (number << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - 48;
  }
  return (number << 8) | octet;
}
