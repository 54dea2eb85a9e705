import "./schema/interpreted.ts";
import * as z from "zod";
import { adminRights, logLevels } from "../../model/model.ts";
import { accessLog } from "./schema/access-log.ts";
import { acme } from "./schema/acme.ts";
import { auth, mostGuards } from "./schema/http/auth.ts";
import { rateLimit } from "./schema/http/rate-limit.ts";
import { mostRoutes, route } from "./schema/http/route.ts";
import { kubernetes } from "./schema/kubernetes.ts";
import { listener } from "./schema/listener.ts";
import type { SchemaNode } from "./schema/nodes.ts";
import { otlp } from "./schema/otlp.ts";
import { overload } from "./schema/overload.ts";
import { pool } from "./schema/pool.ts";
import { address, duration, integer, name } from "./schema/values.ts";
import { xds } from "./schema/xds.ts";

const log = z.strictObject({
  level: z.enum(logLevels).prefault("info").describe("The least severe level that is logged."),
  format: z.enum(["json", "pretty"]).optional().meta({
    description: "json: one object a line; pretty: for people.",
    "x-default": "pretty on a terminal, json elsewhere",
  }),
  sessions: z
    .boolean({ error: "expected true or false" })
    .prefault(true)
    .describe("One line for every ended session."),
  access: accessLog.optional().describe("A file for the lines of requests, instead of the log."),
});

const shutdown = z.strictObject({
  delay: duration("0s")
    .prefault("0s")
    .describe("How long umay still accepts connections while readiness already fails."),
  timeout: duration("0s")
    .prefault("30s")
    .describe("How long sessions may go on then. Sessions that are still open after that are reset."),
});

const admin = z.strictObject({
  bind: address(0).describe('The address of the admin server: "host:port", "[v6]:port" or "unix:/path".'),
  remote: z
    .enum(adminRights, { error: 'expected "look" or "scrape"' })
    .prefault("look")
    .describe(
      "The rights of all but programs of umay's own user and of root: all that changes nothing (look), or /livez, /readyz and /metrics (scrape).",
    ),
});

/** The number of places in shared memory. */
export const mostListeners = 1_024;
export const mostPools = 16_384;

const watchdogExpected = 'expected "off" or a duration from "2s" to "30s", such as "10s"';
const workersExpected = 'expected "auto" or a whole number from 1 to 1024';

const listenersExpected = "expected at least one table [listeners.<name>] with bind and pool";

/** The whole configuration. Its input is the text of users; its output has every default filled in. */
export const config = z
  .strictObject({
    workers: z
      .union([z.literal("auto", { error: workersExpected }), integer(1, 1_024, workersExpected)], {
        error: workersExpected,
      })
      .prefault("auto")
      .describe(
        "Threads that carry sessions. auto: one for each CPU that the process may use, cgroup quota included.",
      ),
    watchdog: z
      .union([z.literal("off", { error: watchdogExpected }), duration("2s", "30s")], {
        error: watchdogExpected,
      })
      .prefault("10s")
      .describe(
        "How long a worker's event loop may stand still. Then its thread is ended and replaced. off: for ever, for a debugger.",
      ),
    log: log.prefault({}).describe("The log."),
    overload: overload.prefault({}),
    shutdown: shutdown.prefault({}).describe("The drain after SIGTERM or SIGINT."),
    admin: admin
      .optional()
      .describe("Metrics, status and health of umay itself. Without this table there is no admin server."),
    acme: acme
      .optional()
      .describe("The authority that issues the certificates of listeners with tls.acme, over ACME."),
    otlp: otlp
      .optional()
      .describe("A collector that gets traces of requests and all metrics, by OTLP over HTTP with JSON."),
    xds: xds
      .optional()
      .describe(
        "A control plane that says over xDS what is served beside this file: listeners, routes, pools and secrets.",
      ),
    kubernetes: kubernetes
      .optional()
      .describe(
        "A Kubernetes cluster whose Gateways, Ingresses and routes are served, beside the listeners of this file.",
      ),
    listeners: z
      .record(name, listener, { error: listenersExpected })
      .refine((listeners) => Object.keys(listeners).length <= mostListeners, {
        error: `expected at most ${mostListeners} listeners`,
      })
      .prefault({})
      .describe(
        "The addresses that clients connect to, by name. At least one, unless there is a cluster or a control plane.",
      ),
    routes: z
      .record(name, route, { error: "expected tables [routes.<name>]" })
      .refine((routes) => Object.keys(routes).length <= mostRoutes, {
        error: `expected at most ${mostRoutes} routes`,
      })
      .prefault({})
      .describe(
        "Rules for the requests of http listeners, by name. The most specific one that matches wins.",
      ),
    auth: z
      .record(name, auth, { error: "expected tables [auth.<name>]" })
      .refine((auths) => Object.keys(auths).length <= mostGuards / 2, {
        error: `expected at most ${mostGuards / 2} auths`,
      })
      .prefault({})
      .describe("Ways in which clients show who they are, by name. Routes name them."),
    rate_limits: z
      .record(name, rateLimit, { error: "expected tables [rate_limits.<name>]" })
      .refine((limits) => Object.keys(limits).length <= mostGuards / 2, {
        error: `expected at most ${mostGuards / 2} rate limits`,
      })
      .prefault({})
      .describe(
        "How often, and how many at a time, requests with one key may come, by name. Routes name them.",
      ),
    pools: z
      .record(name, pool, { error: "expected tables [pools.<name>]" })
      .refine((pools) => Object.keys(pools).length <= mostPools, {
        error: `expected at most ${mostPools} pools`,
      })
      .prefault({})
      .describe("The pools of backends, by name."),
  })
  .check(({ value: { listeners, kubernetes: cluster, xds: plane }, issues }) => {
    if (Object.keys(listeners).length === 0 && cluster === undefined && plane === undefined)
      issues.push({ code: "custom", path: ["listeners"], message: listenersExpected, input: listeners });
  })
  .meta({ title: "umay configuration" });

export type Settings = z.output<typeof config>;

let cached: SchemaNode | undefined;

/** The JSON Schema (draft 7) of the configuration as users write it, for editors and documentation. */
export function jsonSchema(): SchemaNode {
  cached ??= z.toJSONSchema(config, { target: "draft-07", io: "input" }) as SchemaNode;
  return cached;
}
