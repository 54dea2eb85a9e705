import * as z from "zod";
import { tls as poolTls } from "./pool-tls.ts";
import { address, duration, path } from "./values.ts";

const text = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .min(1, { error: `expected ${what}, got nothing` })
    .max(1_024, { error: "expected at most 1024 characters" });

const place = z
  .string({ error: "expected a name" })
  .max(1_024, { error: "expected at most 1024 characters" });

const node = z.strictObject({
  id: text("the name of this umay").describe("The name of this umay there."),
  cluster: text("the name of a group").describe("The name of the group that it belongs to there."),
  metadata: z
    .record(z.string(), z.unknown(), { error: "expected a table" })
    .optional()
    .describe("Anything else that the control plane is to know of it."),
  locality: z
    .strictObject({
      region: place.prefault("").describe("The region that it is in."),
      zone: place.prefault("").describe("The zone that it is in."),
      sub_zone: place.prefault("").describe("The part of the zone that it is in."),
    })
    .optional()
    .describe("Where this umay is."),
});

export const xds = z.strictObject({
  servers: z
    .array(address(1), { error: 'expected a list of addresses, such as ["127.0.0.1:18000"]' })
    .min(1, { error: "expected at least one address" })
    .max(64, { error: "expected at most 64 addresses" })
    .describe("The servers of the control plane, which are tried in turn."),
  protocol: z
    .enum(["delta", "sotw"], { error: 'expected "delta" or "sotw"' })
    .prefault("delta")
    .describe("Whether changes alone are sent, or each time the state of the world."),
  node: node.describe("The name by which the control plane knows this umay."),
  tls: poolTls
    .omit({ starttls: true, alpn: true })
    .optional()
    .describe("TLS to the control plane. Its files are read anew for each connection."),
  initial: z
    .enum(["wait", "serve"], { error: 'expected "wait" or "serve"' })
    .prefault("wait")
    .describe(
      "Whether a start waits for the first complete set, or at once serves what there is: the file, and what cache_file kept.",
    ),
  initial_timeout: duration("100ms", "10m")
    .prefault("15s")
    .describe("How long it waits, and how long a listener waits for its routes and secrets."),
  unknown: z
    .enum(["refuse", "warn"], { error: 'expected "refuse" or "warn"' })
    .prefault("refuse")
    .describe(
      "What becomes of a resource with a filter that umay does not have: it is refused, or taken without the filter, with a warning.",
    ),
  cache_file: path
    .optional()
    .describe(
      "The file that keeps the last good state, for a start without the control plane. Only umay's user may read it.",
    ),
  cache_secrets: z
    .enum(["omit", "encrypt", "clear"], { error: 'expected "omit", "encrypt" or "clear"' })
    .prefault("omit")
    .describe(
      "How secrets stand in cache_file: resources with one are left out, or all of it is encrypted with cache_key_file, or they stand there as they are.",
    ),
  cache_key_file: path
    .optional()
    .describe("A file with the key: 32 random bytes, or their base64 or hexadecimal digits."),
});

export type XdsTable = z.output<typeof xds>;
