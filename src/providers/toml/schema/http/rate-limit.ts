import * as z from "zod";
import { rate } from "../limits.ts";
import { integer } from "../values.ts";
import { limitStore } from "./limit-store.ts";

const value = String.raw`(?:=[^\s+]{1,256})`;
const part = String.raw`(?:client-ip(?:/\d{1,2}(?:/\d{1,2})?)?|client-ip${value}|(?:(?:header|cookie|claim|query):[^\s:;=,+]{1,256}|user|route)${value}?|connection)`;
const combination = z
  .string({ error: "expected a key" })
  .regex(new RegExp(`^${part}(?:\\+${part}){0,7}$`), {
    error:
      'expected "client-ip", "client-ip/24/56", "header:NAME", "cookie:NAME", "claim:NAME", "query:NAME", "user", "route" or "connection", perhaps with =VALUE, or several with + between',
  })
  .meta({ "x-type": "key" });

const keyedRate = z
  .strictObject({
    key: combination
      .describe(
        "Requests that have all parts. A part with =VALUE is one that has this value; of client-ip it is a range of addresses. Others count each value for itself.",
      )
      .meta({ "x-type": "key" }),
    rate: rate.describe("How many of them a key may make per second, minute or hour, on average."),
    burst: integer(1, 1_000_000).optional().meta({
      description: "How many of them pass at once after a pause.",
      "x-default": "as many as the rate allows in a second, at least 1",
    }),
  })
  .describe("A rate for certain requests.");

/** How often requests with one key may come. */
export const rateLimit = z
  .strictObject({
    key: z
      .array(combination, { error: 'expected a list of keys, such as ["header:x-user", "client-ip"]' })
      .min(1, { error: "the list is empty; expected at least one key" })
      .max(8)
      .prefault(["client-ip"])
      .describe(
        "Requests with the same key count together: the first of these that a request has. client-ip is an IPv4 address or an IPv6 /64; client-ip/24/56 are wider networks. route+client-ip counts per route and address, and connection each connection of a client. A part with =VALUE is for requests that have this value. Requests without any are not limited.",
      ),
    rate: rate.optional().meta({
      description:
        "How many requests a key may make per second, minute or hour, on average (a token bucket).",
      "x-default": "no limit",
    }),
    rates: z
      .array(keyedRate, {
        error: 'expected a list of tables, such as [{ key = "claim:plan=gold+user", rate = "100/s" }]',
      })
      .max(64)
      .optional()
      .meta({
        description:
          "Other rates for certain requests: the first whose key a request has counts in place of rate.",
        "x-default": "none",
      }),
    burst: integer(1, 1_000_000).optional().meta({
      description: "How many requests pass at once after a pause.",
      "x-default": "as many as the rate allows in a second, at least 1",
    }),
    concurrent: integer(1, 1_000_000).optional().meta({
      description: "How many requests of a key may be under way at a time.",
      "x-default": "no limit",
    }),
    keys: integer(1, 2_000_000)
      .prefault(65_536)
      .describe(
        "How many keys are remembered, at least 65,536. Beyond them, the key that has least to remember is forgotten.",
      ),
    fields: z
      .enum(["refused", "always", "never"])
      .prefault("refused")
      .describe("Which answers have the fields RateLimit and RateLimit-Policy."),
    store: limitStore.optional().meta({
      description: "A Redis or Valkey in which machines share what the rate has let through.",
      "x-default": "each machine counts for itself",
    }),
  })
  .describe("A limit for requests with the same key. Over it: 429.");

export type RateLimitSettings = z.output<typeof rateLimit>;
