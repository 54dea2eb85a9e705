import { isIP, isIPv4 } from "node:net";
import { domainToASCII } from "node:url";
import * as z from "zod";
import { parseAddress, type SocketAddress } from "../../../lib/address.ts";
import { durationPattern, longestDuration, parseDuration } from "../../../lib/duration.ts";
import { canonicalName } from "../../../lib/host-name.ts";

/*
 * The kinds of values. `x-type` is the name of a kind in the documentation; JSON Schema has no word for it. Messages
 * continue a sentence that begins with the key.
 */

/** `"250ms"`, `"5s"`, `"1m"`, `"1h"`, `"1d"`; becomes milliseconds. */
export function duration(min: string, max: string = longestDuration) {
  const expected = `expected a duration from "${min}" to "${max}", such as "250ms", "5s", "1m" or "1h"`;
  return z
    .string({ error: expected })
    .regex(durationPattern, { error: expected })
    .transform((text, context) => {
      const value = parseDuration(text);
      if (value >= parseDuration(min) && value <= parseDuration(max)) return value;
      context.addIssue(expected);
      return z.NEVER;
    })
    .meta({ "x-type": `duration, ${min} to ${max}` });
}

/** A whole number with both ends included. */
export function integer(min: number, max: number, error = `expected a whole number from ${min} to ${max}`) {
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** The names of listeners and pools, which become metric labels and parts of environment variables. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "expected a name of 1 to 64 letters, digits, _ or -" });

/** A unix socket's path, an IP address or a host name. `port: 0` lets the system choose one, which only a bind can mean. */
export function address(smallestPort: 0 | 1) {
  return z
    .string({ error: 'expected an address: "host:port", "[v6]:port" or "unix:/path"' })
    .transform((text, context) => {
      const parsed = parseAddress(text);
      const mistake = typeof parsed === "string" ? parsed : addressMistake(parsed, smallestPort);
      if (typeof parsed !== "string" && mistake === undefined) return parsed;
      context.addIssue(`${JSON.stringify(text)} ${mistake}`);
      return z.NEVER;
    })
    .meta({ "x-type": "address" });
}

function addressMistake(parsed: SocketAddress, smallestPort: number): string | undefined {
  if (parsed.kind === "unix") return parsed.path.includes("\0") ? "has a NUL byte in its path" : undefined;
  if (parsed.port < smallestPort) return "has port 0, which nothing can be reached at";
  return isIP(parsed.host) === 0 ? hostNameMistake(parsed.host) : undefined;
}

/** RFC 1123 section 2.1, with the underscore that many resolvers' names have. */
function hostNameMistake(host: string): string | undefined {
  const ascii = domainToASCII(host);
  // RFC 5890: DNS and TLS have such a name in another spelling.
  if (/[^\0-\x7f]/.test(host) && ascii !== "")
    return `has a host name that is not in ASCII, as DNS and TLS have it: ${host} (did you mean ${ascii}?)`;
  const labels = canonicalName(host).split(".");
  if (/^\d+$/.test(labels.at(-1)!)) return `has an IPv4 address that does not exist: ${host}`;
  const good = host.length <= 253 && labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
  return good ? undefined : `has a host name that can't exist: ${host}`;
}

/** A name that DNS can look up. */
export const hostName = z
  .string({ error: "expected a host name" })
  .check((context) => {
    const mistake = isIP(context.value) === 0 ? hostNameMistake(context.value) : "is an IP address already";
    if (mistake !== undefined)
      context.issues.push({
        code: "custom",
        message: `${JSON.stringify(context.value)} ${mistake}; expected a host name`,
        input: context.value,
      });
  })
  .meta({ "x-type": "host name" });

/** An entry of a route's `sni`: a DNS name, or `*.` and a name, for every name below it. Becomes lower case. */
export const serverNamePattern = z
  .string({ error: "expected a server name" })
  .transform((text, context) => {
    const plain = canonicalName(text);
    const host = plain.startsWith("*.") ? plain.slice(2) : plain;
    const mistake =
      isIP(host) === 0 ? hostNameMistake(host) : "is an IP address, which clients never send (RFC 6066)";
    if (mistake === undefined) return plain;
    context.addIssue(
      `${JSON.stringify(text)} ${mistake}; expected a name, such as "api.example.com" or "*.example.com"`,
    );
    return z.NEVER;
  })
  .meta({ "x-type": "server name" });

/** `ip:port`, `[v6]:port`, or an IP address alone, which means port 53; becomes the first or second form. */
export const nameserver = z
  .string({ error: "expected the address of a DNS server" })
  .transform((text, context) => {
    const complete = isIP(text) === 0 ? text : isIPv4(text) ? `${text}:53` : `[${text}]:53`;
    const parsed = parseAddress(complete);
    if (typeof parsed !== "string" && parsed.kind === "tcp" && isIP(parsed.host) !== 0 && parsed.port > 0)
      return complete;
    context.addIssue(
      `${JSON.stringify(text)} is not the address of a DNS server; expected an IP address with or without a port, such as "127.0.0.1:5353"`,
    );
    return z.NEVER;
  })
  .meta({ "x-type": "address" });

/** Names for ALPN (RFC 7301 section 3.1). */
export const applicationProtocols = z
  .array(
    z
      .string({ error: "expected a protocol's name" })
      .refine((protocol) => Buffer.byteLength(protocol) >= 1 && Buffer.byteLength(protocol) <= 255, {
        error: "expected a protocol's name of 1 to 255 bytes",
      }),
    { error: 'expected a list of protocols, such as ["h2", "http/1.1"]' },
  )
  .prefault([]);

/** SPIFFE ID standard, section 2; then, as umay's own, a wildcard. */
export const spiffeId = /^spiffe:\/\/[a-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*(?:\/\*)?$/;

/** Follows a text that {@link parsePin} can't read. */
export const noPin =
  "is no pin; expected the SHA-256 of a public key, 44 characters of base64 or 64 hexadecimal digits";

/** @returns base64; undefined for another text. */
export function parsePin(text: string): string | undefined {
  const digits = text.replaceAll(":", "");
  if (/^[0-9a-fA-F]{64}$/.test(digits)) return Buffer.from(digits, "hex").toString("base64");
  return /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, "base64").toString("base64") : undefined;
}

/** How TLS begins. */
export const starttls = z.enum(["postgres"], { error: 'expected "postgres"' }).optional();

/** A file's path; relative ones start at the configuration's folder. */
export const path = z
  .string({ error: "expected a file's path" })
  .min(1, { error: "expected a file's path, got nothing" })
  .meta({ "x-type": "path" });
