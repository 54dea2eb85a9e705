import * as z from "zod";
import { retryTriggerList, usualTriggers } from "../../../../model/http/retry.ts";
import { logSampling } from "../access-log.ts";
import { cidrs } from "../limits.ts";
import { traceSampling } from "../otlp.ts";
import { duration, integer, name, path } from "../values.ts";
import { compress } from "./compress.ts";
import { cors } from "./cors.ts";
import { conditions, match } from "./match.ts";
import {
  authority,
  editableName,
  failureStatus,
  mediaType,
  method,
  pathPrefix,
  removedName,
  requestHost,
  requestPath,
  size,
  template,
} from "./values.ts";

const poolName = z.string({ error: "expected the name of a pool" });

const redirect = z.strictObject({
  scheme: z
    .enum(["http", "https"])
    .optional()
    .meta({ description: "http or https.", "x-default": "the request's" }),
  host: requestHost
    .refine((host) => !host.startsWith("*"), { error: "expected one host, without a wildcard" })
    .optional()
    .meta({ description: "The host.", "x-default": "the request's" }),
  port: integer(1, 65_535).optional().meta({
    description: "The port.",
    "x-default": "the request's, or the scheme's own where scheme or host is set",
  }),
  path: requestPath
    .optional()
    .meta({ description: "The path. The query stays.", "x-default": "the request's" }),
  path_prefix: pathPrefix.optional().describe("Replaces the prefix of the path that matched."),
  status: z
    .union(
      [301, 302, 303, 307, 308].map((status) => z.literal(status as 301 | 302 | 303 | 307 | 308)),
      {
        error: "expected 301, 302, 303, 307 or 308",
      },
    )
    .prefault(307)
    .meta({
      description:
        "301 and 308 are kept by clients, the others are not. With 301, 302 and 303 a POST becomes a GET.",
      "x-type": "301, 302, 303, 307, 308",
    }),
});

const respond = z.strictObject({
  status: integer(200, 599).prefault(200).describe("The status of the answer."),
  body: z
    .string({ error: "expected a text" })
    .max(65_536, { error: "expected at most 65536 characters" })
    .optional()
    .meta({ description: "Its body.", "x-default": "empty" }),
  file: path.optional().describe("A file with its body, at most 64 KiB. It is watched."),
  type: mediaType
    .optional()
    .meta({ description: "Its Content-Type.", "x-default": '`"text/plain; charset=utf-8"`' }),
});

const rewrite = z.strictObject({
  path: requestPath.optional().describe("The whole path."),
  path_prefix: pathPrefix.optional().describe("Replaces the prefix of the path that matched."),
  path_regex: z
    .string({ error: "expected a regular expression" })
    .optional()
    .describe("The first part of the path that this regular expression (RE2) takes is replaced by with."),
  with: z
    .string({ error: "expected a text" })
    .optional()
    .describe("In place of what path_regex takes; $1 is its first group."),
  host: authority.optional().describe("The host that the backend sees."),
});

const changesExpected = `expected a table, such as { x-tls = "\${tls.version}" }`;

const fieldChanges = z.strictObject({
  set: z
    .record(editableName, template, { error: changesExpected })
    .prefault({})
    .describe("Fields in place of all others of their name. Values may have variables."),
  add: z
    .record(editableName, template, { error: changesExpected })
    .prefault({})
    .describe("Fields beside the others of their name. Values may have variables."),
  remove: z
    .array(removedName, { error: 'expected a list of names, such as ["x-debug", "x-internal-*"]' })
    .prefault([])
    .describe('Names of fields to leave out; "x-internal-*" is every name that begins so.'),
});

const timeouts = z.strictObject({
  first_byte: duration("1ms").prefault("60s").describe("Time that a backend has to begin its answer."),
  try: duration("0s")
    .prefault("0s")
    .describe(
      "Time that an attempt may take until the answer begins, from its begin or the request's last byte. Over it, another one is made, if retry allows that. 0s: no limit.",
    ),
  request: duration("0s")
    .prefault("0s")
    .describe("Time for a request and its answer as a whole. 0s: no limit."),
  idle: duration("1ms").optional().meta({
    description: "A request ends after this time without a byte in either direction.",
    "x-default": "the listener's",
  }),
});

const retryExpected = `expected ${retryTriggerList.map((trigger) => `"${trigger}"`).join(", ")}, or a status from "400" to "599", or a range such as "500-599"`;

const retryOn = z
  .union([z.enum(retryTriggerList), z.string().regex(failureStatus, { error: retryExpected })], {
    error: retryExpected,
  })
  .meta({ "x-type": "cause" });

const retry = z.strictObject({
  attempts: integer(1, 10)
    .prefault(2)
    .describe("How often a request is sent once more at most; connecting another backend does not count."),
  on: z
    .array(retryOn, { error: 'expected a list of causes, such as ["connect-failed", "503"]' })
    .prefault([...usualTriggers, "502", "503", "504"])
    .describe(
      "What makes umay try again: what went wrong, or the status of the answer, of HTTP (or a range, such as 500-599) or of gRPC. Calls of gRPC are made again whatever methods says.",
    ),
  methods: z
    .union([z.enum(["idempotent", "all"]), z.array(method).min(1)], {
      error: 'expected "idempotent", "all" or a list of methods, such as ["GET", "POST"]',
    })
    .prefault("idempotent")
    .meta({
      description:
        "The methods that may be sent twice once a backend may have had the request. idempotent: GET, HEAD, OPTIONS, PUT and DELETE.",
      "x-type": '`"idempotent"`, `"all"` or a list of methods',
    }),
  buffer: size("0", "16MiB")
    .prefault("64KiB")
    .describe(
      "How much of a request's body is kept to be sent again. A longer one passes, and is not sent again.",
    ),
  backoff: z
    .strictObject({
      base: duration("0s", "1m")
        .prefault("25ms")
        .describe("At most so long before the first retry; twice that before each further one."),
      max: duration("0s", "1m").prefault("250ms").describe("The longest wait."),
    })
    .prefault({})
    .describe("A random time before a request is sent again, from nothing to these."),
});

const mirror = z.strictObject({
  pool: poolName.describe("The pool that gets the copies."),
  percent: z
    .number({ error: "expected a number from 0.001 to 100" })
    .min(0.001, { error: "expected a number from 0.001 to 100" })
    .max(100, { error: "expected a number from 0.001 to 100" })
    .prefault(100)
    .describe("How many of a hundred requests are copied."),
  max_requests: integer(1, 100_000)
    .prefault(100)
    .describe("The most copies under way to this pool in each worker. More are not made."),
});

export type RetrySettings = z.output<typeof retry>;

const sticky = z.strictObject({
  cookie: z
    .string({ error: "expected the name of a cookie" })
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: "expected the name of a cookie" })
    .describe("The cookie's name."),
  same_site: z.enum(["lax", "strict", "none"]).prefault("lax").describe("Its SameSite attribute."),
  strict: z
    .boolean()
    .prefault(false)
    .describe("Whether a client whose backend is down or gone gets 503. Otherwise it gets another backend."),
  max_age: duration("1s").optional().meta({
    description: "How long clients keep it.",
    "x-default": "until the client's program ends",
  }),
});

const hashKey = z
  .string({ error: "expected a key" })
  .regex(/^(?:source-ip|(?:header|cookie|query):[^\s:;=,]{1,256})$/, {
    error: 'expected "header:NAME", "cookie:NAME", "query:NAME" or "source-ip"',
  })
  .meta({ "x-type": "key" });

const priorityExpected = "expected a whole number from -1000 to 1000";

const settings = {
  listeners: z
    .array(name, { error: 'expected a list of listeners, such as ["web"]' })
    .min(1, { error: "the list is empty; expected at least one listener, or no key" })
    .optional()
    .meta({
      description: "The listeners whose requests it takes.",
      "x-default": 'all with `mode = "http"`, but for those with `https_redirect`',
    }),
  hosts: z
    .array(requestHost, { error: 'expected a list of hosts, such as ["example.com", "*.example.com"]' })
    .min(1, { error: "the list is empty; expected at least one host, or no key" })
    .optional()
    .meta({
      description:
        'Hosts of requests, without ports; "*.example.com" is every name below example.com. Names may be Unicode.',
      "x-default": "any, and none",
    }),
  match: z
    .array(match, { error: 'expected a list of tables, such as [{ path_prefix = "/api" }]' })
    .min(1, { error: "the list is empty; expected at least one match, or no key" })
    .optional()
    .describe(
      "Alternatives: a request must meet all conditions of one. One set of conditions may stand in the route itself.",
    ),
  ...conditions,
  priority: integer(-1_000, 1_000, priorityExpected)
    .prefault(0)
    .describe("Higher ones are asked first, whatever else makes a route more specific but its host."),
  pool: poolName
    .optional()
    .describe("The pool that gets the requests. A route has one of pool, pools, redirect and respond."),
};

/** One rule for requests. */
export const route = z
  .strictObject({
    ...settings,
    pools: z
      .array(
        z.strictObject({
          pool: poolName.describe("A pool."),
          weight: integer(0, 1_000_000)
            .prefault(1)
            .describe(
              "Its share of the requests, relative to the other weights. 0: none but those of clients that a sticky cookie keeps there.",
            ),
        }),
        { error: 'expected a list, such as [{ pool = "a", weight = 95 }, { pool = "b", weight = 5 }]' },
      )
      .min(1, { error: "the list is empty; expected at least one pool" })
      .optional()
      .describe("Several pools that share the requests."),
    redirect: redirect.optional().describe("Sends clients elsewhere."),
    respond: respond.optional().describe("Answers without a backend."),
    allow: cidrs
      .min(1, { error: "the list is empty, and nobody would be served; remove the key to serve everyone" })
      .optional()
      .meta({
        description: "Ranges whose clients are served, all others get 403: CIDRs or single addresses.",
        "x-default": "all",
      }),
    deny: cidrs.prefault([]).describe("Ranges whose clients get 403, even if allow has them."),
    compress: compress
      .optional()
      .describe("Compresses answers of backends that are not yet, for clients that accept it."),
    trace: traceSampling.optional().meta({
      description: "Which of its requests are traced.",
      "x-default": "as `otlp.percent` says",
    }),
    log: logSampling.optional().meta({
      description: "Which of its requests have a line in the log.",
      "x-default": "all",
    }),
    auth: z
      .array(z.string({ error: "expected the name of an auth" }), {
        error: 'expected a list of auths, such as ["staff"]',
      })
      .prefault([])
      .describe("Auths, in the order in which they are asked: one has to let a request in."),
    cors: cors
      .optional()
      .describe(
        "Pages of other origins that may use this route from a browser. umay answers their preflights.",
      ),
    rate_limit: z
      .array(z.string({ error: "expected the name of a rate limit" }), {
        error: 'expected a list of rate limits, such as ["per-client"]',
      })
      .prefault([])
      .describe("Rate limits, all of which have to have room for a request."),
    max_body: size("0", "1024GiB").optional().meta({
      description: "The largest body of a request. 0: no limit.",
      "x-default": "the listener's",
    }),
    max_response: size("0", "1024GiB").optional().meta({
      description: "The largest body of an answer, as the backend sends it. 0: no limit.",
      "x-default": "the listener's",
    }),
    rewrite: rewrite.prefault({}).describe("Changes what the backend sees as path and host."),
    request_headers: fieldChanges.prefault({}).describe("Changes the request's header fields."),
    response_headers: fieldChanges.prefault({}).describe("Changes the response's header fields."),
    timeouts: timeouts.prefault({}).describe("Time limits of a request."),
    retry: retry.optional().meta({
      description: "When a request is sent once more, to another backend where there is one.",
      "x-default": "once, and only what surely does no harm",
    }),
    mirror: z
      .array(mirror, { error: 'expected a list of tables, such as [{ pool = "shadow", percent = 10 }]' })
      .max(8, { error: "expected at most 8 mirrors" })
      .prefault([])
      .describe("Pools that get copies of requests. Nobody waits for them, and their answers are dropped."),
    hash: z
      .array(hashKey, { error: 'expected a list of keys, such as ["header:x-user", "source-ip"]' })
      .prefault([])
      .describe(
        "For pools with consistent-hash: the first of these that a request has is hashed, instead of the pool's key.",
      ),
    sticky: sticky.optional().describe("A cookie keeps each client at the pool and the backend that it has."),
    upgrades: z
      .array(z.enum(["websocket"]), { error: 'expected a list, such as ["websocket"]' })
      .prefault(["websocket"])
      .describe("Protocols that a connection may change to. Empty: such requests get 403."),
  })
  .describe("A rule for requests of http listeners; its name is its label in metrics, log and explanations.");

export type RouteSettings = z.output<typeof route>;
export type FieldChangeSettings = z.output<typeof fieldChanges>;

/** As many as are sorted and checked within a second. */
export const mostRoutes = 10_000;
