import * as z from "zod";
import { mostFields } from "../../../../http/span-fields.ts";
import { cidrs, rate } from "../limits.ts";
import { duration, integer, path } from "../values.ts";
import { failureStatus, fieldName, mediaType, size } from "./values.ts";

const yesOrNo = { error: "expected true or false" };

const versions = z
  .array(z.enum(["2", "1.1"], { error: 'expected "2" or "1.1"' }))
  .min(1, { error: "the list is empty; name a version" })
  .max(2);

const http = z.strictObject({
  versions: versions
    .prefault(["2", "1.1"])
    .describe(
      "The versions of HTTP, in order of preference; with TLS clients agree on one of them (ALPN). Without TLS the first bytes say which one a client speaks: those of 2 have to know that they may.",
    ),
  max_request_head: size("1KiB", "1MiB")
    .prefault("32KiB")
    .describe("The largest head of a request, its first line included. Over it: 431."),
  max_fields: integer(8, mostFields)
    .prefault(128)
    .describe("The most header fields of a request. Over it: 431."),
  max_target: size("256B", "64KiB").prefault("8KiB").describe("The longest path with query. Over it: 414."),
  max_body: size("0", "1024GiB")
    .prefault("0")
    .describe("The largest body of a request. 0: no limit. Over it: 413."),
  max_response: size("0", "1024GiB")
    .prefault("0")
    .describe("The largest body of an answer, as the backend sends it. 0: no limit. Over it: 502, or a cut."),
  min_body_rate: size("0", "1GiB")
    .prefault("0")
    .describe("The fewest bytes a second of a request's body, after its first 10 s. 0: any. Under it: 408."),
  max_requests: integer(0, 1_000_000)
    .prefault(0)
    .describe("The most requests under way to backends, exact over all workers. 0: no limit. Over it: 503."),
  underscores: z
    .enum(["drop", "refuse", "pass"])
    .prefault("drop")
    .describe("What becomes of request fields with _ in their names, which many backends take for -."),
  ambiguous_paths: z
    .enum(["refuse", "pass"])
    .prefault("refuse")
    .describe(
      "What becomes of paths that a lax backend may read so that another route would take them: 400, or nothing.",
    ),
  misdirected: z
    .enum(["refuse", "pass"])
    .prefault("refuse")
    .describe(
      "What becomes of requests for a host that another certificate, or another route of the listener, serves than the one of their connection: 421, or nothing. A proxy in front that names one host to TLS and asks for many needs pass.",
    ),
  early_hints: z
    .enum(["2", "all", "off"])
    .prefault("2")
    .describe("Whether clients get answers with status 103: those that speak HTTP/2, all, or none."),
  via: z
    .string({ error: "expected a name" })
    .regex(/^[A-Za-z0-9.:_-]{0,255}$/, { error: "expected a host, or a name of your choice" })
    .prefault("")
    .describe("umay's name in the field Via. Empty: it adds none."),
  server: z
    .string({ error: "expected keep, remove or a text" })
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, { error: "expected keep, remove or a text in ASCII" })
    .prefault("keep")
    .describe("The backend's field Server: keep, remove, or a text that replaces it."),
});

const http2 = z.strictObject({
  max_streams: integer(1, 10_000)
    .prefault(100)
    .describe("The most requests of a connection at a time. More are refused."),
  stream_window: size("16KiB", "16MiB")
    .prefault("64KiB")
    .describe("How much of a body a client may send before umay takes it."),
  connection_window: size("64KiB", "256MiB")
    .prefault("1MiB")
    .describe("The same for all bodies of a connection together: the most that is held for it."),
  header_table: size("0", "64KiB")
    .prefault("4KiB")
    .describe(
      "The table in which a client's header fields are remembered, so that it need not send them again. 0: none.",
    ),
  ping: z
    .strictObject({
      interval: duration("0s")
        .prefault("0s")
        .describe("A client that has said nothing for so long is asked whether it is there. 0s: never."),
      timeout: duration("1ms")
        .prefault("10s")
        .describe("How long it has to answer; then its connection ends."),
    })
    .prefault({})
    .describe("PING frames, for clients that vanish without a word."),
  resets: z
    .strictObject({
      burst: integer(1, 1_000_000).prefault(100).describe("So many at once."),
      rate: rate.prefault("10/s").describe("And so many on average."),
    })
    .prefault({})
    .describe(
      "How many requests a client may take back before they are answered, or make umay reset. The last one of them ends the connection, so no more reach a backend one after the other.",
    ),
  glitches: integer(1, 1_000_000)
    .prefault(1_000)
    .describe(
      "The most useless frames, which no good client sends often; the count is halved every 30 s. Over it the connection ends.",
    ),
});

const forwarded = z.strictObject({
  trust: cidrs
    .prefault([])
    .describe(
      "Peers whose X-Forwarded-* or Forwarded fields count. From all others these fields are removed.",
    ),
  read: z
    .enum(["x-forwarded-for", "forwarded"])
    .prefault("x-forwarded-for")
    .describe("The field that has the client's address."),
  write: z
    .array(z.enum(["x-forwarded", "forwarded"]))
    .prefault(["x-forwarded"])
    .describe("The fields that backends get. x-forwarded: X-Forwarded-For, -Proto, -Host and -Port."),
  request_id: z
    .union([z.literal(""), fieldName], { error: "expected the name of a header field, or nothing" })
    .prefault("x-request-id")
    .describe(
      "The field with the request's id, which umay makes unless a trusted peer sent one. Empty: none.",
    ),
});

const errorPage = z.strictObject({
  file: path.describe("A file with the page, at most 64 KiB. It is watched."),
  type: mediaType.prefault("text/html; charset=utf-8").describe("Its Content-Type."),
});

const statusRange = z.string().regex(failureStatus, {
  error: 'expected a status from 400 to 599, or a range such as "502-504"',
});

const hstsTable = z.strictObject({
  max_age: duration("0s", "1000d").describe("How long clients shall use TLS alone."),
  subdomains: z.boolean(yesOrNo).prefault(false).describe("For all names below as well."),
  preload: z
    .boolean(yesOrNo)
    .prefault(false)
    .describe("Allows browsers to ship with this host in their list."),
});

/** Keys of a listener with `mode = "http"`. */
export const httpKeys = {
  https_redirect: z
    .strictObject({
      port: integer(1, 65_535).prefault(443).describe("The port of https."),
    })
    .optional()
    .describe("Sends clients from http to https (308), but for requests of routes that name this listener."),
  hsts: z
    .union([duration("0s", "1000d"), hstsTable], {
      error: 'expected a duration, such as "365d", or a table with max_age',
    })
    .optional()
    .meta({
      description: "Strict-Transport-Security in answers over TLS: for how long, or a table.",
      "x-default": "none",
    }),
  security_headers: z.boolean(yesOrNo).optional().meta({
    description:
      "Adds X-Content-Type-Options, X-Frame-Options, Referrer-Policy and X-Permitted-Cross-Domain-Policies to answers in which neither backend nor route says anything of them.",
    "x-default": "`false`",
  }),
  max_requests_per_connection: integer(0, 1_000_000).optional().meta({
    description: "After this many requests a connection is closed in order. 0: no limit.",
    "x-default": "10000",
  }),
  http: http.optional().describe("Requests that are taken from clients, and answers that they get."),
  http2: http2.optional().describe("How much a connection that speaks HTTP/2 may ask of umay."),
  forwarded: forwarded
    .optional()
    .describe("Peers that are believed about the origin of a request, and fields that tell backends of it."),
  errors: z
    .record(statusRange, errorPage, { error: 'expected a table such as { "404" = { file = "404.html" } }' })
    .optional()
    .describe("Pages for umay's own answers, by status or range. Answers of backends are never touched."),
};

/** Keys of a listener's `timeouts` with `mode = "http"`. */
export const httpTimeouts = {
  request_header: duration("1ms").optional().meta({
    description: "http: time from a request's first byte to the end of its head.",
    "x-default": '`"10s"`',
  }),
  body_idle: duration("1ms")
    .optional()
    .meta({ description: "http: time between two pieces of a request's body.", "x-default": '`"60s"`' }),
  keep_alive: duration("1ms").optional().meta({
    description: "http: time that a connection may wait for its next request.",
    "x-default": '`"75s"`',
  }),
  upgraded_idle: duration("1ms")
    .optional()
    .meta({ description: "http: as idle, after a change to WebSocket.", "x-default": '`"1h"`' }),
};

/** The defaults, for a table that is not there. */
export const defaultHttp = (): z.output<typeof http> => http.parse({});
export const defaultHttp2 = (): z.output<typeof http2> => http2.parse({});
export const defaultForwarded = (): z.output<typeof forwarded> => forwarded.parse({});
export type HttpSettings = z.output<typeof http>;
export type Http2Settings = z.output<typeof http2>;
export type ForwardedSettings = z.output<typeof forwarded>;
