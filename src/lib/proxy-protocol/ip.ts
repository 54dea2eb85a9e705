import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { unmapAddress } from "../address.ts";

const mappedPrefix = Buffer.from("00000000000000000000ffff", "hex");

/**
 * The 4 or 16 bytes of an IP address in network order: 4 for an IPv4-mapped one (RFC 4291 section 2.5.5.2) too.
 * @returns undefined for any other text, also for an IPv6 address with a zone.
 */
export function parseIp(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const [head = "", tail] = text.split("::").map(groups);
  const bytes = Buffer.from(tail === undefined ? head : head.padEnd(32 - tail.length, "0") + tail, "hex");
  return isMapped(bytes) ? bytes.subarray(mappedPrefix.length) : bytes;
}

/** The hexadecimal digits of a part of an IPv6 address that has no `::`. */
function groups(part: string): string {
  if (part === "") return "";
  const hex = part.split(":").map((group) => {
    if (!group.includes(".")) return group.padStart(4, "0");
    return Buffer.from(group.split(".").map(Number)).toString("hex");
  });
  return hex.join("");
}

/** The text of 4 or 16 bytes as Node writes the addresses of sockets; IPv4-mapped addresses as IPv4. */
export function formatIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  return unmapAddress(new SocketAddress({ address: colonHex(bytes), family: "ipv6" }).address);
}

/** Every group of an IPv6 address in hexadecimal, without `::`. */
function colonHex(bytes: Buffer): string {
  return bytes.toString("hex").replaceAll(/(.{4})(?=.)/g, "$1:");
}

/** The IPv4-mapped IPv6 address of 4 bytes; 16 bytes as they are. */
export function mapIp(bytes: Buffer): Buffer {
  return bytes.length === 4 ? Buffer.concat([mappedPrefix, bytes]) : bytes;
}

function isMapped(bytes: Buffer): boolean {
  return bytes.subarray(0, mappedPrefix.length).equals(mappedPrefix);
}
