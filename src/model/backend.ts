import type { SocketAddress } from "../lib/address.ts";
import type { Labels } from "./subset.ts";

/** The state of a backend. Only a backend that is up gets sessions, unless its pool fails open. */
export const backendStates = ["up", "checking", "down", "ejected", "draining"] as const;
export type BackendState = (typeof backendStates)[number];

/** The reason why a backend may not be picked. */
export type Obstacle = Exclude<BackendState, "up"> | "full";

/** A backend that a picker passed over. */
export interface Skipped {
  /** Its address. */
  readonly backend: string;
  readonly why: Obstacle;
}

/** Each tier of a pool has its own picker, in every worker. */
export const mostTiers = 16;

export const mostWeight = 256;

/** Each of them has its part of `connect.timeout`. */
export const mostOthers = 7;

/** One address of a pool, as discovery finds it. */
export interface Backend {
  /** Its identity within the pool, and its name in logs and metrics: `10.0.0.5:443`, `[::1]:80`, `unix:/run/a.sock`. */
  readonly address: string;
  /** The address to connect to: an IP address with a port, or a unix socket. Never a host name. */
  readonly target: SocketAddress;
  /**
   * Further IP addresses of its host name, at most {@link mostOthers}. They are tried in turn, within the same attempt, where
   * `target` can't be connected. They are no part of its identity.
   */
  readonly others?: readonly string[];
  /** The host name under which its address was found, canonical; undefined where it was configured without one. */
  readonly hostName?: string;
  /** Its share relative to the others of its tier, 1 to {@link mostWeight}. */
  readonly weight: number;
  /**
   * It takes sessions only while no backend of a lower tier may be picked: 0 for primaries, from there on backups, at
   * most {@link mostTiers} - 1.
   */
  readonly tier: number;
  /** Where it is; undefined: that does not matter. */
  readonly locality?: Locality;
  /** Facts about it, by which a part of a pool is chosen ({@link Pool.subsets}). Undefined: none. */
  readonly labels?: Labels;
  /** Sets of labels by which its transport is chosen ({@link Pool.transports}), the first before the others. Undefined: none. */
  readonly transportLabels?: readonly Labels[];
  /** Whoever found it says that it is to take no sessions. Undefined: it may. */
  readonly unfit?: true;
}

/** A place where backends are. */
export interface Locality {
  /** `region/zone/sub zone`. */
  readonly name: string;
  /** Its share relative to the other localities of its tier, where weights of localities count; 0 or more. */
  readonly weight: number;
}

/** A backend with its place in the shared memory. */
export interface PlacedBackend extends Backend {
  /** Index of its active connections and its state flags in shared memory. */
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
}
