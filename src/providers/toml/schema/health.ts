import { isIP } from "node:net";
import * as z from "zod";
import { readRange } from "../../../lib/ranges.ts";
import type { StatusRange } from "../../../model/health.ts";
import { tls } from "./pool-tls.ts";
import { duration, integer } from "./values.ts";

const checkTls = tls
  .omit({ alpn: true })
  .optional()
  .meta({ description: "TLS of the checks.", "x-default": "the pool's" });

const timing = {
  interval: duration("100ms", "1h")
    .prefault("5s")
    .describe(
      "Time from one check of a backend to the next, ±10 %; at most 1s while its state may be about to change.",
    ),
  timeout: duration("10ms", "1m").prefault("2s").describe("A check that takes longer has failed."),
  rise: integer(1, 100).prefault(2).describe("How many checks in a row a down backend must pass to be up."),
  fall: integer(1, 100).prefault(3).describe("How many checks in a row an up backend must fail to be down."),
  address: z
    .string({ error: "expected an IP address" })
    .refine((text) => isIP(text) !== 0, { error: "expected an IP address" })
    .optional()
    .meta({
      description: "An IP address that is checked instead of the backend's own.",
      "x-type": "IP address",
      "x-default": "the backend's",
    }),
  port: integer(1, 65_535).optional().meta({
    description: "A port that is checked instead of the backend's own.",
    "x-default": "the backend's",
  }),
};

const host = z
  .string({ error: "expected a host name" })
  .regex(/^[\x21-\x7e]{1,255}$/, { error: "expected a host name, with a port where one is needed" })
  .optional()
  .meta({
    description: "The Host header (:authority for gRPC).",
    "x-default":
      "the name that TLS verifies, else the name that discovery looks up, else the checked address",
  });

const statusExpected = 'expected a status from 100 to 599, or a range such as "200-299"';

const status = z
  .union(
    [integer(100, 599, statusExpected), z.string().regex(/^[1-5]\d\d-[1-5]\d\d$/, { error: statusExpected })],
    {
      error: statusExpected,
    },
  )
  .transform((value, context): StatusRange => {
    const range = readRange(String(value));
    if (range.from <= range.to) return range;
    context.addIssue(`"${value}" is empty; ${statusExpected}`);
    return z.NEVER;
  })
  .meta({ "x-type": 'status 100 to 599, or range such as `"200-299"`' });

const http = z.strictObject({
  type: z.literal("http"),
  method: z.enum(["GET", "HEAD", "OPTIONS", "POST"]).prefault("GET").describe("The request's method."),
  path: z
    .string({ error: "expected a path, such as /healthz" })
    .regex(/^\/[\x21-\x7e]*$/, {
      error: "expected a path that begins with / and has no spaces, such as /healthz",
    })
    .prefault("/")
    .describe("The request's path, with a query where one is needed."),
  host,
  expect_status: z
    .array(status, { error: 'expected a list of statuses, such as [200] or ["200-299"]' })
    .min(1, { error: "the list is empty; expected at least one status" })
    .prefault(["200-299"])
    .describe("The answer's status must be one of these."),
  expect_body: z
    .string({ error: "expected text" })
    .min(1, { error: "expected text, got nothing" })
    .optional()
    .meta({
      description: "Text that the first 65,536 characters of the body must contain.",
      "x-default": "anything",
    }),
  tls: checkTls,
  ...timing,
});

const grpc = z.strictObject({
  type: z.literal("grpc"),
  service: z
    .string({ error: "expected a service's name" })
    .max(127, { error: "expected a service's name of at most 127 characters" })
    .regex(/^[\x21-\x7e]*$/, { error: "expected a service's name, such as echo.Echo" })
    .prefault("")
    .describe("The service to ask for (grpc.health.v1). Empty: the server as a whole."),
  host,
  tls: checkTls,
  ...timing,
});

const handshake = z.strictObject({ type: z.literal("tls"), tls: checkTls, ...timing });

const text = z
  .string({ error: "expected text" })
  .min(1, { error: "expected text, got nothing" })
  .max(1024, { error: "expected text of at most 1024 characters" });

const connection = z.strictObject({
  type: z.literal("tcp"),
  send: text.optional().meta({
    description: 'What is sent when the connection is there, such as "PING\\r\\n". It needs expect.',
    "x-default": "nothing",
  }),
  expect: text.optional().meta({
    description: "Text that the first 4,096 characters of the answer must contain.",
    "x-default": "a connection will do",
  }),
  ...timing,
});

const user = z
  .string({ error: "expected a user's name" })
  .regex(/^[\x21-\x7e]{1,63}$/, { error: "expected a user's name of 1 to 63 characters without spaces" });

const mysql = z.strictObject({
  type: z.literal("mysql"),
  user: user.prefault("umay").describe("Who logs in, without a password. A refused login passes, too."),
  ...timing,
});

const postgres = z.strictObject({
  type: z.literal("postgres"),
  user: user.optional().meta({
    description: "Who begins a session, so that a server that is still starting does not pass.",
    "x-default": "no session: the answer to a request for TLS will do",
  }),
  tls: checkTls,
  ...timing,
});

const redis = z.strictObject({ type: z.literal("redis"), tls: checkTls, ...timing });

const smtp = z.strictObject({ type: z.literal("smtp"), tls: checkTls, ...timing });

export const health = z
  .discriminatedUnion("type", [connection, handshake, http, grpc, mysql, postgres, redis, smtp], {
    error:
      'expected a table with type = "tcp", "tls", "http", "grpc", "mysql", "postgres", "redis" or "smtp"',
  })
  .optional()
  .describe("Active health checks. Without this table there are none.");

export const outlier = z
  .strictObject({
    enabled: z
      .boolean({ error: "expected true or false" })
      .prefault(true)
      .describe(
        "Whether a backend on which sessions fail is ejected, which means that it gets no sessions for a while.",
      ),
    consecutive_errors: integer(1, 10_000)
      .prefault(5)
      .describe(
        "Failures in a row that eject a backend: to connect, a reset before its first byte, an answer that does not begin in time, or one with status 502, 503 or 504.",
      ),
    success_rate: z
      .strictObject({
        enabled: z
          .boolean({ error: "expected true or false" })
          .prefault(true)
          .describe("Whether a backend is ejected that serves clearly less than the others of its pool."),
        min_backends: integer(2, 10_000)
          .prefault(5)
          .describe("So many backends must have had min_requests, or none is ejected."),
        min_requests: integer(1, 1_000_000)
          .prefault(100)
          .describe("Sessions and requests in ten seconds with fewer of which a backend is not judged."),
        deviations: z
          .number({ error: "expected a number from 0.5 to 10" })
          .min(0.5, { error: "expected a number from 0.5 to 10" })
          .max(10, { error: "expected a number from 0.5 to 10" })
          .prefault(1.9)
          .describe(
            "How many standard deviations below the mean its share of success must be, and below 95 %.",
          ),
      })
      .prefault({})
      .describe("Ejection by comparison, for large pools."),
    failure_rate: z
      .strictObject({
        percent: integer(1, 100).prefault(85).describe("So many percent of failures eject a backend."),
        min_backends: integer(2, 10_000)
          .prefault(5)
          .describe("So many backends must have had min_requests, or none is ejected."),
        min_requests: integer(1, 1_000_000)
          .prefault(50)
          .describe("Sessions and requests in ten seconds with fewer of which a backend is not judged."),
      })
      .optional()
      .describe(
        "Ejection of backends on which too much fails, whatever the others do. Without this table there is none.",
      ),
    ejection: z
      .strictObject({
        base: duration("100ms", "1d").prefault("30s").describe("How long the first ejection lasts, ±10 %."),
        max: duration("100ms", "1d")
          .prefault("5m")
          .describe("The longest ejection. Each one that follows soon is longer by base, up to this."),
        max_percent: integer(0, 100)
          .prefault(50)
          .describe(
            "The most backends that are ejected at a time, in percent of the pool. One may always be ejected, unless this is 0; the last one that may be picked never is.",
          ),
      })
      .prefault({})
      .describe("Time and number of ejections."),
  })
  .prefault({})
  .describe("Ejection of backends on which sessions fail.");

export const panicThreshold = integer(0, 100)
  .prefault(50)
  .describe("With fewer percent of the backends up, health and ejection are ignored. 0: never ignored.");
