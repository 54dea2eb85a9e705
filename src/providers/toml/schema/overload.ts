import * as z from "zod";
import { duration, integer } from "./values.ts";

const expected = (what: string): string => `expected "off" or ${what}`;

export const overload = z
  .strictObject({
    max_requests: integer(0, 10_000_000)
      .prefault(0)
      .describe("The most requests under way to backends, of all listeners together. 0: no limit."),
    event_loop_delay: z
      .union([z.literal("off"), duration("20ms", "1m")], { error: expected('a duration, such as "1s"') })
      .prefault("1s")
      .describe("How late a worker may be again and again before it refuses a share of its new requests."),
    memory: z
      .union([z.literal("off"), integer(10, 100)], { error: expected("a percentage from 10 to 100") })
      .prefault(95)
      .describe(
        "How much of the memory that the process may use, and of a worker's heap, in percent, before new requests are refused.",
      ),
  })
  .describe("When new requests of HTTP are refused with 503, so that those under way can be served.");

export type OverloadSettings = z.output<typeof overload>;
