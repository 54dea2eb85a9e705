import { isIPv4, isIPv6, SocketAddress } from "node:net";

/** A range of addresses that share their first bits (RFC 4632, RFC 4291 section 2.3). */
export interface Cidr {
  readonly family: "ipv4" | "ipv6";
  /** The first address, in its usual spelling. */
  readonly address: string;
  /** How many bits are fixed. */
  readonly prefix: number;
}

export interface ParsedCidr {
  readonly cidr: Cidr;
  /** Whether the text had bits set behind the prefix, which are zero now. */
  readonly trimmed: boolean;
}

/** RFC 4291 section 2.5.5.2. */
const mappedPrefix = 96;

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or one address. A range of IPv4-mapped addresses becomes the range of IPv4 that
 * it stands for.
 * @returns the range, or what is wrong with the text, to follow the text in a sentence.
 */
export function parseCidr(text: string): ParsedCidr | string {
  const [, host = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const groups = isIPv4(host)
    ? ipv4Groups(host)
    : isIPv6(host) && !host.includes("%")
      ? ipv6Groups(host)
      : [];
  if (groups.length === 0) return "is no IP address, with or without the length of a prefix";
  const width = groups.length * 16;
  const prefix = bits === undefined ? width : Number(bits);
  if (prefix > width) return `has a prefix longer than ${width} bits`;
  const first = groups.map((group, index) => group & mask(prefix - 16 * index));
  return { cidr: cidrOf(first, prefix), trimmed: first.join() !== groups.join() };
}

function cidrOf(groups: readonly number[], prefix: number): Cidr {
  if (groups.length === 2) return { family: "ipv4", address: ipv4Text(groups), prefix };
  if (prefix >= mappedPrefix && groups.slice(0, 6).join() === "0,0,0,0,0,65535")
    return { family: "ipv4", address: ipv4Text(groups.slice(6)), prefix: prefix - mappedPrefix };
  const full = groups.map((group) => group.toString(16)).join(":");
  return { family: "ipv6", address: new SocketAddress({ address: full, family: "ipv6" }).address, prefix };
}

/** The text that {@link parseCidr} reads; a single address has no prefix. */
export function formatCidr({ family, address, prefix }: Cidr): string {
  return prefix === (family === "ipv4" ? 32 : 128) ? address : `${address}/${prefix}`;
}

/** Of a group of 16 bits, the ones that are fixed. @param bits fixed in it and behind it, may be negative. */
function mask(bits: number): number {
  return bits >= 16 ? 0xffff : bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff;
}

function ipv4Groups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [(a << 8) | b, (c << 8) | d];
}

function ipv4Text([high = 0, low = 0]: readonly number[]): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** @param text a valid address without a zone. @returns its eight groups of 16 bits. */
export function ipv6Groups(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text
    .split(":")
    .flatMap((part) => (part.includes(".") ? ipv4Groups(part) : [Number.parseInt(part, 16)]));
}
