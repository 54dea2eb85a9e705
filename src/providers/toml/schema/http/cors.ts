import * as z from "zod";
import { duration } from "../values.ts";
import { fieldName, method, read } from "./values.ts";

const origin = read("expected an origin", "origin", (text) => {
  if (text === "*" || text === "null") return text;
  const lower = text.toLowerCase();
  if (
    /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(
      lower,
    )
  )
    return lower.replace(/^(http:.*):80$|^(https:.*):443$/, "$1$2");
  return {
    problem:
      'is no origin; expected "*", or one such as "https://app.example.com" or "https://*.example.com", without a path',
  };
});

const any = (list: z.ZodType<string>, example: string) =>
  z.array(z.union([z.literal("*"), list], { error: `expected a list such as ${example}` }), {
    error: `expected a list such as ${example}`,
  });

export const cors = z.strictObject({
  origins: z
    .array(origin, { error: 'expected a list of origins, such as ["https://app.example.com"]' })
    .min(1, { error: "the list is empty; expected at least one origin" })
    .describe(
      'Origins of pages: "https://app.example.com", "https://*.example.com" for all below it, or "*".',
    ),
  methods: any(method, '["GET", "POST"]')
    .prefault(["GET", "HEAD", "POST"])
    .describe('Methods that pages may use; "*" is any.'),
  headers: any(fieldName, '["content-type"]')
    .prefault([])
    .describe('Header fields that pages may send, beside those that they always may; "*" is any.'),
  expose: z
    .array(fieldName, { error: 'expected a list of names, such as ["x-total"]' })
    .prefault([])
    .describe("Header fields of answers that pages may read, beside those that they always may."),
  credentials: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe("Whether browsers send cookies, certificates and passwords of their users along."),
  max_age: duration("0s", "1d")
    .prefault("5s")
    .describe("How long browsers may remember what a preflight said."),
});
