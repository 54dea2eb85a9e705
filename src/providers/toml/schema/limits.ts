import * as z from "zod";
import { parseCidr } from "../../../lib/cidr.ts";
import { integer } from "./values.ts";

/** A range of addresses or one address. */
const cidr = z
  .string({ error: "expected a range of IP addresses" })
  .transform((text, context) => {
    const parsed = parseCidr(text);
    if (typeof parsed !== "string") return { ...parsed, text };
    context.addIssue(
      `${JSON.stringify(text)} ${parsed}; expected "10.0.0.0/8", "2001:db8::/32" or an address`,
    );
    return z.NEVER;
  })
  .meta({ "x-type": "CIDR" });

export const cidrs = z.array(cidr, {
  error: 'expected a list of ranges, such as ["10.0.0.0/8", "2001:db8::/32"]',
});

const periodMilliseconds = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const largestRate = 100_000;
const rateExpected = `expected a rate of 1 to ${largestRate}, such as "100/s", "10/m" or "50/h"`;

export const rate = z
  .string({ error: rateExpected })
  .transform((text, context) => {
    const [, amount, unit] = /^(\d+)\/(s|m|h)$/.exec(text) ?? [];
    const connections = Number(amount);
    if (connections >= 1 && connections <= largestRate)
      return { connections, period: periodMilliseconds[unit as keyof typeof periodMilliseconds] };
    context.addIssue(rateExpected);
    return z.NEVER;
  })
  .meta({ "x-type": "rate" });

/** Keys of a listener that refuse connections at once. */
export const limits = {
  allow: cidrs
    .min(1, { error: "the list is empty, and nobody could connect; remove the key to let everyone" })
    .optional()
    .meta({
      description:
        "Ranges whose clients may connect, all others may not: CIDRs or single addresses. Clients of a unix socket always may.",
      "x-default": "all",
    }),
  deny: cidrs.prefault([]).describe("Ranges whose clients may not connect, even if allow has them."),
  max_connections_per_ip: integer(0, 1_000_000)
    .prefault(0)
    .describe("The most connections at a time from one IPv4 address or one IPv6 /64. 0: no limit."),
  connection_rate_per_ip: rate.optional().meta({
    description:
      "How many connections one IPv4 address or one IPv6 /64 may open per second, minute or hour (a token bucket).",
    "x-default": "no limit",
  }),
  connection_burst_per_ip: integer(1, largestRate).optional().meta({
    description: "How many connections one address may open at once after a pause.",
    "x-default": "as many as the rate allows in a second, at least 1",
  }),
  max_handshakes: integer(1, 1_000_000)
    .prefault(10_000)
    .describe(
      "The most TLS handshakes at a time in each worker. One CPU completes about the default number within the default handshake timeout; later clients would wait in vain.",
    ),
};
