import { isIPv6 } from "node:net";
import { unreservedBytes } from "../bytes.ts";

/** As DNS names, with room for a dot at the end. */
const longestName = 254;
const [colon, bracket, zero, nine] = [0x3a, 0x5b, 0x30, 0x39];

/** The last authority that was asked for, and its name: most connections ask for one host alone. */
const last = { authority: "", host: undefined as string | undefined };

/**
 * The name that hosts are matched by.
 * @param authority host and optional port (RFC 3986 section 3.2), of which only these are taken: names of letters,
 * digits, `-`, `.`, `_` and `~`, addresses of IPv4, those of IPv6 in brackets, ports of 1 to 65535.
 * @returns the host in lower case, without its port and without one dot at its end; undefined for anything else.
 */
export function hostOf(authority: string): string | undefined {
  if (authority !== last.authority) {
    last.host = readHost(authority);
    last.authority = authority;
  }
  return last.host;
}

function readHost(authority: string): string | undefined {
  const isBracketed = authority.charCodeAt(0) === bracket;
  const end = isBracketed ? authority.indexOf("]") + 1 : nameEnd(authority);
  if (end === 0 || !isPort(authority, end)) return undefined;
  if (isBracketed) return isAddress(authority.slice(1, end - 1)) ? lower(authority, end) : undefined;
  const dotless = end > 1 && authority.charCodeAt(end - 1) === 0x2e ? end - 1 : end;
  return end <= longestName ? lower(authority, dotless) : undefined;
}

/** With which an authority need not end. */
const usualPorts = { http: ":80", https: ":443" } as const;

/** Whether two authorities name the same host and port (RFC 3986 sections 6.2.2.1 and 6.2.3). @param scheme of both. */
export function isSameAuthority(one: string, other: string, scheme: keyof typeof usualPorts): boolean {
  return one === other || normalForm(one, scheme) === normalForm(other, scheme);
}

function normalForm(authority: string, scheme: keyof typeof usualPorts): string {
  const port = usualPorts[scheme];
  const text = authority.toLowerCase();
  return text.endsWith(port) ? text.slice(0, -port.length) : text;
}

/** Zones are for one machine alone (RFC 6874). */
const isAddress = (text: string): boolean => isIPv6(text) && !text.includes("%");

function nameEnd(authority: string): number {
  let at = 0;
  while (at < authority.length && unreservedBytes[authority.charCodeAt(at)] === 1) at++;
  return at;
}

/** Whether nothing follows, or a colon and a port. */
function isPort(authority: string, from: number): boolean {
  if (from === authority.length) return true;
  const digits = authority.length - from - 1;
  if (authority.charCodeAt(from) !== colon || digits < 1 || digits > 5) return false;
  let port = 0;
  for (let at = from + 1; at < authority.length; at++) {
    const byte = authority.charCodeAt(at);
    if (byte < zero || byte > nine) return false;
    port = port * 10 + byte - zero;
  }
  return port >= 1 && port <= 65_535;
}

/** In lower case; the same string where it is that already, as nearly always. */
function lower(authority: string, end: number): string {
  const host = end === authority.length ? authority : authority.slice(0, end);
  for (let at = 0; at < end; at++) {
    const byte = authority.charCodeAt(at);
    if (byte >= 0x41 && byte <= 0x5a) return host.toLowerCase();
  }
  return host;
}
