import * as z from "zod";
import { duration, integer } from "../values.ts";
import { authority, size } from "./values.ts";

/** How the backends of a pool are spoken to, where http listeners send them requests. */
export const poolHttp = z.strictObject({
  version: z
    .enum(["1.1", "2", "auto", "client"], { error: 'expected "1.1", "2", "auto" or "client"' })
    .prefault("1.1")
    .describe(
      "The version of HTTP that backends are spoken to in. auto: with TLS what each chooses of 2 and 1.1 (ALPN), without TLS 1.1. client: what the client speaks. 2 without TLS is by prior knowledge.",
    ),
  host: z
    .union([z.enum(["keep", "backend"]), authority], { error: 'expected "keep", "backend" or a host' })
    .prefault("keep")
    .meta({
      description:
        "The host that backends see: keep is the client's, backend is the backend's own host name or address; else this one.",
      "x-type": '`"keep"`, `"backend"` or a host',
    }),
  idle: duration("0s").optional().meta({
    description:
      "How long an idle connection is kept for the next request; shorter than backends keep it themselves. 0s: not at all.",
    "x-default": '`"4s"`, `"5m"` over HTTP/2',
  }),
  max_idle_per_backend: integer(0, 10_000)
    .prefault(256)
    .describe("The most idle connections to each backend that each worker keeps."),
  max_requests_per_backend: integer(0, 1_000_000)
    .prefault(0)
    .describe(
      "The most requests at a time to each backend, exact over all workers; more wait in the queue. 0: no limit.",
    ),
  max_response_head: size("1KiB", "1MiB")
    .prefault("64KiB")
    .describe("The largest head of a response. Over it: 502."),
});
