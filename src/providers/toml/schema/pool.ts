import { isIP } from "node:net";
import * as z from "zod";
import { longestDuration, parseDuration } from "../../../lib/duration.ts";
import { mostWeight } from "../../../model/backend.ts";
import {
  type PickerSpec,
  type PickerType,
  type PickerWithOptions,
  pickerTypes,
} from "../../../model/pool.ts";
import { health, outlier, panicThreshold } from "./health.ts";
import { poolHttp } from "./http/pool.ts";
import { tls } from "./pool-tls.ts";
import { address, duration, hostName, integer, nameserver, path } from "./values.ts";

const consistentHash = z
  .strictObject({
    type: z.literal("consistent-hash"),
    key: z
      .enum(["source-ip", "sni"])
      .prefault("source-ip")
      .describe(
        "The value that is hashed: the client's IP address, or the server name of its TLS handshake.",
      ),
    algorithm: z
      .enum(["maglev", "ring"])
      .prefault("maglev")
      .describe("maglev: the evenest and fastest; ring: ketama-style, moves the fewest keys."),
    bounded_load: z
      .number({ error: "expected a number from 1.1 to 100" })
      .min(1.1, { error: "expected a number from 1.1 to 100" })
      .max(100, { error: "expected a number from 1.1 to 100" })
      .optional()
      .meta({
        description: "No backend gets more than this times the mean number of connections.",
        "x-default": "no bound",
      }),
  })
  .transform(({ bounded_load: boundedLoad, ...others }) => ({ ...others, boundedLoad }));

const peakEwma = z.strictObject({
  type: z.literal("peak-ewma"),
  decay: duration("100ms", "1h")
    .prefault("10s")
    .describe("Time in which a measurement falls to about a third (1/e) of its weight."),
});

/** The keys of each picker that has options: one that is missing here does not compile. */
const withOptions = {
  "consistent-hash": consistentHash,
  "peak-ewma": peakEwma,
} as const satisfies { readonly [P in PickerWithOptions as P["type"]]: z.ZodType<P> };

const pickerNames = Object.keys(pickerTypes) as PickerType[];
const plainPickers = pickerNames.filter(
  (type): type is Exclude<PickerType, keyof typeof withOptions> => !Object.hasOwn(withOptions, type),
);

const [firstTable, ...otherTables] = Object.values(withOptions);
const pickerTable = z.discriminatedUnion("type", [
  firstTable!,
  ...otherTables,
  z.strictObject({ type: z.enum(plainPickers) }),
]);

const picker = z
  .union([z.enum(pickerNames), pickerTable])
  .transform(
    (chosen): PickerSpec => (typeof chosen === "string" ? pickerTable.parse({ type: chosen }) : chosen),
  );

const longestRemoval = parseDuration(longestDuration);

const removalExpected = `expected "keep", or "drain" with a duration from "0s" to "${longestDuration}", such as "drain 30s"`;

/** Becomes milliseconds, or undefined for `keep`. */
const removal = z
  .string({ error: removalExpected })
  .transform((text, context): number | undefined => {
    if (text === "keep") return undefined;
    const time = text.startsWith("drain ") ? parseDuration(text.slice("drain ".length)) : Number.NaN;
    if (time <= longestRemoval) return time;
    context.addIssue(removalExpected);
    return z.NEVER;
  })
  .meta({ "x-type": '`"keep"` or `"drain <duration>"`' });

const defaultWeight = 1;

const backendTable = z.strictObject({
  address: address(1).describe('"host:port", "[v6]:port" or "unix:/path".'),
  weight: integer(1, mostWeight)
    .prefault(defaultWeight)
    .describe("Its share of the sessions, relative to the other weights."),
  backup: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe("Takes sessions only while no other backend may be picked."),
});

const backend = z
  .union([address(1), backendTable], { error: "expected an address, or a table with address" })
  .transform((entry) =>
    "address" in entry ? entry : { address: entry, weight: defaultWeight, backup: false },
  );

export type BackendSettings = z.output<typeof backend>;

/** Of one pool; all pools together may have as many as shared memory has room for. */
export const mostBackends = 16_384;

const backends = z
  .array(backend, { error: 'expected a list of backends, such as ["10.0.0.1:80", "10.0.0.2:80"]' })
  .min(1, { error: "the list is empty; expected at least one backend" })
  .max(mostBackends, { error: `expected at most ${mostBackends} backends` })
  .describe('Each one "host:port", "[v6]:port", "unix:/path", or a table with address, weight and backup.');

const staticDiscovery = z.strictObject({ type: z.literal("static"), backends });

/** The content of a file of backends. */
export const backendsFile = z.strictObject({ backends }, { error: "expected a table with backends" });

const fileDiscovery = z.strictObject({
  type: z.literal("file"),
  path: path.describe(
    "A file with the list `backends`, as in static discovery: JSON when its name ends in `.json`, TOML otherwise. umay watches it.",
  ),
});

const dnsDiscovery = z.strictObject({
  type: z.literal("dns"),
  name: hostName.describe("The name whose records lead to the backends."),
  port: integer(1, 65_535).optional().meta({
    description:
      'The port of every backend. Not allowed with `record = "srv"`, because SRV records have ports.',
    "x-default": 'required but for `record = "srv"`',
  }),
  record: z
    .enum(["a", "aaaa", "a+aaaa", "srv"])
    .prefault("a")
    .describe(
      "The records to ask for: IPv4 addresses, IPv6 addresses, both, or SRV records with their weights and priorities.",
    ),
  nameservers: z
    .array(nameserver, { error: 'expected a list of DNS servers, such as ["127.0.0.1:5353"]' })
    .optional()
    .meta({
      description: "DNS servers to ask, in order, each an IP address with or without a port.",
      "x-default": "the system's, with its search domains",
    }),
  refresh: z
    .strictObject({
      min: duration("100ms", "1d").prefault("1s").describe("Shortest time between two queries."),
      max: duration("100ms", "1d").prefault("5m").describe("Longest time between two queries."),
    })
    .prefault({})
    .describe("Bounds on the time between two queries. Within them the record's TTL decides."),
  hold: duration("0s")
    .prefault("30s")
    .describe("How long the last backends are kept when the name has vanished."),
  linger: duration("0s")
    .prefault("0s")
    .describe(
      "How long a backend is kept that an answer with other backends does not have: for servers whose answers are a random part of the set.",
    ),
});

const retryBudget = z.strictObject({
  percent: integer(0, 100)
    .prefault(20)
    .describe(
      "The most retries, in percent: at a time of the pool's connections, where a backend could not be connected; in ten seconds of the pool's requests, where requests are sent again.",
    ),
  min: integer(0, 100_000)
    .prefault(3)
    .describe("So many are always allowed: at a time, or a second where requests are sent again."),
});

const sources = z
  .array(
    z
      .string({ error: "expected an IP address" })
      .refine((text) => isIP(text) !== 0, { error: "expected an IP address of this machine" })
      .meta({ "x-type": "IP address" }),
    { error: 'expected a list of IP addresses, such as ["192.0.2.1"]' },
  )
  .min(1, { error: "expected an address" })
  .refine((all) => new Set(all.map(isIP)).size === all.length, {
    error: "expected one IPv4 address, one IPv6 address, or one of each",
  });

export const pool = z.strictObject({
  picker: picker
    .prefault("power-of-two")
    .describe("The algorithm that chooses a backend, as a name or as a table with its type and options."),
  proxy_protocol: z
    .enum(["v1", "v2"])
    .optional()
    .describe(
      "Send backends a PROXY protocol header first. It has the client's address; with v2 also its TLS and its certificate.",
    ),
  slow_start: duration("0s", "1h")
    .prefault("0s")
    .describe(
      "Time in which the weight of a new or recovered backend grows from a tenth to the whole. 0s: the whole weight at once.",
    ),
  connect: z
    .strictObject({
      timeout: duration("1ms").prefault("5s").describe("Time for one attempt to connect to a backend."),
      attempts: integer(1, 16)
        .prefault(3)
        .describe("How many different backends are tried before the client is refused."),
      sources: sources.optional().meta({
        description:
          "The addresses of this machine that backends see: one IPv4 address, one IPv6 address, or one of each. A backend of the other family can't be connected, and of a host name with several addresses one is tried.",
        "x-default": "the system chooses",
      }),
      retry_budget: retryBudget.optional().meta({
        description: "The pool's retry_budget, at its former place.",
        deprecated: true,
      }),
    })
    .prefault({})
    .describe("Connecting backends."),
  retry_budget: retryBudget.optional().meta({
    description: "A bound on retries, so that a pool that fails does not get a multiple of its load.",
    "x-default": "`{ percent = 20, min = 3 }`",
  }),
  http: poolHttp.prefault({}).describe("HTTP with the backends, where http listeners send them requests."),
  max_connections: integer(0, 1_000_000)
    .prefault(0)
    .describe(
      "The most sessions and requests under way to the whole pool, exact over all workers; more wait in the queue. 0: no limit.",
    ),
  max_connections_per_backend: integer(0, 1_000_000)
    .prefault(0)
    .describe("The most connections that each backend gets, exact over all workers; 0: no limit."),
  queue: z
    .strictObject({
      size: integer(0, 1_000_000)
        .prefault(1_000)
        .describe("How many sessions may wait for a backend, over all workers. 0: none waits."),
      timeout: duration("10ms", "1h")
        .prefault("5s")
        .describe("How long a session waits while every backend has max_connections_per_backend."),
    })
    .prefault({})
    .describe("The queue of sessions that wait while no backend can take them."),
  tls: tls.optional().describe("TLS to the backends. Without this table umay speaks plain TCP to them."),
  health,
  outlier,
  panic_threshold: panicThreshold,
  removal: removal
    .prefault("keep")
    .describe(
      "Sessions of a backend that discovery no longer finds: keep lets them go on to their end, drain resets those that are still open after that time.",
    ),
  discovery: z
    .discriminatedUnion("type", [staticDiscovery, dnsDiscovery, fileDiscovery], {
      error: 'expected a table [pools.<name>.discovery] with type = "static", "dns" or "file"',
    })
    .describe("How the backends are found."),
});
export type PoolSettings = z.output<typeof pool>;

/** The defaults, for a table that is not there. */
export const defaultRetryBudget = (): z.output<typeof retryBudget> => retryBudget.parse({});
