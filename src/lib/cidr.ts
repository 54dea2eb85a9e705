import { formatIp, parseIp } from "./proxy-protocol/ip.ts";

/** A range of addresses that share their first bits (RFC 4632, RFC 4291 section 2.3). */
export interface Cidr {
  readonly family: "ipv4" | "ipv6";
  /** The first address, in its usual spelling. */
  readonly address: string;
  /** Number of fixed bits. */
  readonly prefix: number;
}

export interface ParsedCidr {
  readonly cidr: Cidr;
  /** Whether the text had bits set behind the prefix, which are zero now. */
  readonly trimmed: boolean;
}

/** Bits before the IPv4 address in an IPv4-mapped one (RFC 4291 section 2.5.5.2). */
const mappedPrefix = 96;

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or one address. A range of IPv4-mapped addresses becomes the IPv4 range that it
 * stands for.
 * @returns the range, or what is wrong with the text, to follow the text in a sentence.
 */
export function parseCidr(text: string): ParsedCidr | string {
  const [, host = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = parseIp(host);
  if (ip === undefined) return "is no IP address, with or without the length of a prefix";
  const mapped = ip.length === 4 && host.includes(":");
  const width = mapped ? 128 : ip.length * 8;
  const written = bits === undefined ? width : Number(bits);
  if (written > width) return `has a prefix longer than ${width} bits`;
  const prefix = mapped ? written - mappedPrefix : written;
  if (prefix < 0)
    return `has a prefix shorter than the ${mappedPrefix} bits that IPv4-mapped addresses share`;
  const first = Buffer.from(ip.map((byte, index) => byte & mask(prefix - 8 * index)));
  const family = ip.length === 4 ? "ipv4" : "ipv6";
  return { cidr: { family, address: formatIp(first), prefix }, trimmed: !first.equals(ip) };
}

/** The text that {@link parseCidr} reads; a single address has no prefix. */
export function formatCidr({ family, address, prefix }: Cidr): string {
  return prefix === (family === "ipv4" ? 32 : 128) ? address : `${address}/${prefix}`;
}

/** @param address of any spelling; IPv4-mapped ones count as IPv4. */
export function inRange({ address: first, prefix }: Cidr, address: string): boolean {
  const [start, ip] = [parseIp(first)!, parseIp(address)];
  if (ip?.length !== start.length) return false;
  return ip.every((byte, index) => (byte & mask(prefix - 8 * index)) === start[index]);
}

/** The fixed bits of a byte, as a mask. @param bits number of fixed bits in this byte and behind it, may be negative. */
function mask(bits: number): number {
  return bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
