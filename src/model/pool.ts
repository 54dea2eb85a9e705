import type { Backend } from "./backend.ts";
import type { HealthPolicy } from "./health.ts";
import type { PoolHttp } from "./http/backend.ts";
import type { StartTls } from "./listener.ts";
import type { Authorities, Certificate } from "./material.ts";
import type { SubsetRule } from "./subset.ts";
import type { Transports } from "./transport.ts";

/**
 * The basis of a pick. `key`: always the same backend for the same key. `turn`: the next one in its worker's round.
 * `load`: the least loaded one. `chance`: a draw.
 */
export type PickBasis = "key" | "turn" | "load" | "chance";

interface PickerTraits {
  /** In one line. */
  readonly does: string;
  /** The basis that decides in the end. */
  readonly by: PickBasis;
  /** Options that a summary names. */
  readonly telling?: readonly string[];
}

/** Every picker by its name; schema, documentation, summaries, explanations and the data plane's registry follow it. */
export const pickerTypes = {
  "round-robin": {
    does: "each backend in turn, in proportion to its weight, evenly interleaved",
    by: "turn",
  },
  random: { does: "any backend, with a probability in proportion to its weight", by: "chance" },
  "least-connection": {
    does: "the backend with the fewest active connections for its weight, exact over all workers",
    by: "load",
  },
  "power-of-two": {
    does: "the less loaded of two backends that are drawn at random; nearly as even as least-connection, at constant cost",
    by: "chance",
  },
  "peak-ewma": {
    does: "the backend with the soonest expected answer among a few that are drawn at random, by its latency and its connections",
    by: "chance",
  },
  "consistent-hash": {
    does: "the backend that the client's address or the server name hashes to; few keys move when backends change",
    by: "key",
    telling: ["algorithm", "boundedLoad"],
  },
} as const satisfies Readonly<Record<string, PickerTraits>>;

export type PickerType = keyof typeof pickerTypes;

/** The text that is hashed: the client's IP address, or the server name of its TLS handshake. */
export type HashedBy = "source-ip" | "sni";

export interface ConsistentHashSpec {
  readonly type: "consistent-hash";
  readonly key: HashedBy;
  readonly algorithm: "maglev" | "ring";
  /** No backend gets more than this times the mean number of connections (1.1 to 100); undefined: no bound. */
  readonly boundedLoad: number | undefined;
}

export interface PeakEwmaSpec {
  readonly type: "peak-ewma";
  /** Time in which a measurement falls to 1/e of its weight, in milliseconds, 100 ms to an hour. */
  readonly decay: number;
}

/** Pickers with options. One with a `key` hashes it; for one with a `decay` the latency of backends is measured. */
export type PickerWithOptions = ConsistentHashSpec | PeakEwmaSpec;

export type PickerSpec =
  | PickerWithOptions
  | { readonly type: Exclude<PickerType, PickerWithOptions["type"]> };

/** The text that a picker hashes; undefined: none. */
export function hashedBy(spec: PickerSpec): HashedBy | undefined {
  return "key" in spec ? spec.key : undefined;
}

/** In which time what a picker knows of latencies loses its worth, in milliseconds; undefined: it needs none. */
export function latencyDecay(spec: PickerSpec): number | undefined {
  return "decay" in spec ? spec.decay : undefined;
}

/** A picker in a few words: `consistent-hash of source-ip (maglev)`. */
export function describePicker(spec: PickerSpec): string {
  const traits: PickerTraits = pickerTypes[spec.type];
  const options: Readonly<Record<string, unknown>> = { ...spec };
  const told = (traits.telling ?? [])
    .filter((name) => options[name] !== undefined)
    .map((name) => (typeof options[name] === "number" ? `${spaced(name)} ${options[name]}` : options[name]));
  const hashed = hashedBy(spec);
  return [spec.type, hashed && `of ${hashed}`, told.length > 0 && `(${told.join(", ")})`]
    .filter(Boolean)
    .join(" ");
}

/** `boundedLoad` becomes `bounded load`. */
const spaced = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export interface StaticDiscovery {
  readonly type: "static";
  /** As configured. A target may have a host name here, which discovery resolves. */
  readonly backends: readonly Backend[];
  /**
   * Each address of a host name is a backend: all of them, those of one kind, or those of the first kind that there are.
   * Undefined: a host name is one backend.
   */
  readonly everyAddress?: "all" | "v4" | "v6" | "v4-first" | "v6-first";
  /**
   * Somebody chose the backends who may not reach this machine from within. Its own addresses, loopback and link-local ones
   * are left out, of a host name when it is looked up.
   */
  readonly elsewhere?: true;
}

export interface DnsDiscovery {
  readonly type: "dns";
  readonly name: string;
  /** The port of every backend; undefined for `srv`, whose records have ports. */
  readonly port: number | undefined;
  readonly record: "a" | "aaaa" | "a+aaaa" | "srv";
  /** `ip:port` of each server to ask, in order; empty: the system's, with its search domains. */
  readonly nameservers: readonly string[];
  /** Bounds on the time between two queries, in milliseconds. Within them the record's TTL decides. */
  readonly refresh: { readonly min: number; readonly max: number };
  /** How long the last backends are kept when the name has vanished, in milliseconds. */
  readonly hold: number;
  /** How long a single backend is kept that an answer with others does not have, in milliseconds. */
  readonly linger: number;
}

export interface FileDiscovery {
  readonly type: "file";
  /** Absolute path. */
  readonly path: string;
}

/** The endpoints of a Service of Kubernetes, or of a service of a control plane, as the provider that follows them knows them. */
export interface EndpointsDiscovery {
  readonly type: "endpoints";
  /** `namespace/name`; of a control plane, the name that they are asked for by. */
  readonly service: string;
  /** The name of the Service's port, as its EndpointSlices have it; empty where it has none. */
  readonly port: string;
}

export type DiscoverySpec = StaticDiscovery | DnsDiscovery | FileDiscovery | EndpointsDiscovery;

/** A name that a backend's certificate may have. */
export type BackendName =
  /** A host name or an IP address, which one of the certificate's names has to cover (RFC 9525). */
  | { readonly kind: "host"; readonly host: string }
  /** One of its URIs. Of a SPIFFE ID, `/*` at the end stands for every path below, and it has to be the only URI. */
  | { readonly kind: "uri"; readonly uri: string };

/** TLS to a pool's backends. */
export interface PoolTls {
  /** Whether a backend must show a certificate that is signed by one of these CAs and covers its name. */
  readonly verify: boolean;
  /** Undefined: the system's CAs. */
  readonly ca: Authorities | undefined;
  /**
   * The name that is sent (SNI, RFC 6066 section 3) and that the certificate must cover. Undefined: each backend's own
   * host name or, where it has none, its IP address. An IP address must be covered, but is not sent (RFC 6066).
   */
  readonly serverName: string | undefined;
  /** Names of which the certificate must have one, instead of the name that is sent; undefined: that name. */
  readonly names?: readonly BackendName[];
  /**
   * SHA-256 of public keys (SubjectPublicKeyInfo), base64: the certificate must have one of them. Without `verify` nothing
   * else of it counts. Undefined: any key.
   */
  readonly pins?: readonly string[];
  /** The certificate that umay shows to a backend that asks for one. */
  readonly certificate: Certificate | undefined;
  /** The protocol in which TLS is asked for first; undefined: TLS begins at once. */
  readonly starttls?: StartTls;
  /** Application protocols that are offered, in order of preference; empty: ALPN is not negotiated. */
  readonly alpn: readonly string[];
}

/** How localities share the sessions of their tier: by their weights, or so that sessions stay in umay's own zone. */
export type LocalityRule = { readonly by: "weight" } | ZoneRule;

/** Zones as Envoy's zone-aware routing knows them. It is for the first tier. */
export interface ZoneRule {
  readonly by: "zone";
  /** The name of umay's own locality. */
  readonly own: string;
  /** The pool of all umays, whose localities say how much comes from each. */
  readonly peers: string;
  /** With fewer backends that are well, localities do not matter. */
  readonly minBackends: number;
  /** How much of the sessions is routed so, in percent. */
  readonly percent: number;
  /** Whether all sessions stay in umay's own zone while it has a backend that is well. */
  readonly direct: boolean;
}

/** Clients say which backend they go to. It comes when the first one asks for it, and leaves when none does any more. */
export interface DestinationRule {
  /** The field of requests, in lower case, that names it; undefined, or not there: where the connection was going. */
  readonly field?: string;
  /** Whether the field may name loopback and link-local addresses, and servers of metadata. Undefined: it may not. */
  readonly near?: true;
  /** In place of the port that is named. */
  readonly port?: number;
  /** How long a backend stays that nobody asks for, in milliseconds. */
  readonly idle: number;
}

/** A named set of backends with one picker and one discovery. */
export interface Pool extends Transports {
  readonly name: string;
  readonly picker: PickerSpec;
  readonly discovery: DiscoverySpec;
  /** Time in which a new or recovered backend comes to its whole weight, in milliseconds; 0: at once. */
  readonly slowStart: number;
  readonly health: HealthPolicy;
  readonly http: PoolHttp;
  readonly connect: {
    /** Time for one attempt, in milliseconds. */
    readonly timeout: number;
    /** How many different backends are tried before the client is refused, 1 to 16. */
    readonly attempts: number;
    /**
     * The most retries, over all workers, in percent, but at least `min`: attempts to connect at a time, as a share of
     * the pool's connections; requests that are sent again in ten seconds, as a share of its requests, with `min` a second.
     */
    readonly retryBudget: { readonly percent: number; readonly min: number };
    /** After how long without a byte the system asks whether a backend is still there, in milliseconds; undefined: as usual. */
    readonly keepAlive?: number;
    /** IP addresses of this machine that backends see, one for each family at most. Undefined: the kernel chooses. */
    readonly sources?: readonly string[];
  };
  /** The most connections that a backend gets, over all workers; undefined: no limit. */
  readonly maxConnectionsPerBackend: number | undefined;
  /** The most sessions and requests under way, over all backends and workers; undefined: no limit. */
  readonly maxConnections?: number | undefined;
  /**
   * How tiers share the sessions while backends of a lower one may not be picked: each takes its share of those that may, times
   * this, in percent, and none fails open while they bear everything together, as Envoy's priorities. Undefined: a tier takes
   * all of them while one of its backends may be picked.
   */
  readonly overprovisioning?: number;
  /** Undefined: localities do not count. */
  readonly localities?: LocalityRule;
  /** Undefined: there are no parts. */
  readonly subsets?: SubsetRule;
  /** Undefined: backends are found, not asked for. */
  readonly destination?: DestinationRule;
  /** How many sessions may wait for a backend, over all workers, and how long each waits for room, in milliseconds. */
  readonly queue: { readonly size: number; readonly timeout: number };
  /** How long sessions may stay on a backend that has left the pool, in milliseconds; undefined: to their end. */
  readonly removal: number | undefined;
  /** Why it stands for something that cannot be had: its requests are answered with 500. Undefined: it can. */
  readonly invalid?: string;
}
