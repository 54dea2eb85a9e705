import * as z from "zod";
import { duration, integer } from "./values.ts";

const endpointExpected = 'expected the URL of a collector, such as "http://127.0.0.1:4318"';

/** Becomes a URL without a slash at its end. */
const endpoint = z
  .string({ error: endpointExpected })
  .transform((text, context) => {
    if (URL.canParse(text)) {
      const { protocol, username, search, hash, href } = new URL(text);
      if (/^https?:$/.test(protocol) && username === "" && search === "" && hash === "")
        return href.replace(/\/+$/, "");
    }
    context.addIssue(endpointExpected);
    return z.NEVER;
  })
  .meta({ "x-type": "http or https URL" });

export const otlp = z.strictObject({
  endpoint: endpoint.describe("The collector: spans go to /v1/traces below it, metrics to /v1/metrics."),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]{1,64}$/, { error: "expected the name of a field" }),
      z.string({ error: "expected a text" }).regex(/^[\x20-\x7e]*$/, { error: "expected printable ASCII" }),
      { error: 'expected a table, such as { authorization = "Bearer ..." }' },
    )
    .prefault({})
    .describe("Fields that it gets with each request, such as a key from the environment."),
  service_name: z
    .string({ error: "expected a name" })
    .min(1, { error: "expected a name, got nothing" })
    .max(256, { error: "expected at most 256 characters" })
    .prefault("umay")
    .describe("The name of this service there."),
  percent: integer(0, 100)
    .prefault(10)
    .describe(
      "How many requests are traced, in percent, by chance. The decision of a peer of forwarded.trust counts before.",
    ),
  metrics_interval: duration("0s", "1h")
    .prefault("1m")
    .describe("Time between two reports of all metrics. 0s: none are sent."),
});

export const traceSampling = z.strictObject({
  percent: integer(0, 100).describe("How many of its requests are traced, in percent."),
});
