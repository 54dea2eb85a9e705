import type { SocketAddress } from "../lib/address.ts";

/** One address of a pool, as discovery finds it. */
export interface Backend {
  /** Its identity within the pool, and its name in logs and metrics: `10.0.0.5:443`, `[::1]:80`, `unix:/run/a.sock`. */
  readonly address: string;
  /** What is dialled: an IP address with a port, or a unix socket. Never a host name. */
  readonly target: SocketAddress;
  /** The host name that its address was found under; undefined where it was configured without one. */
  readonly hostName?: string;
  /** Its share relative to the others, 1 to 256. */
  readonly weight: number;
  /** Takes sessions only while no backend that is not a backup may be picked. */
  readonly backup: boolean;
}

/** A backend with its place in the shared memory. */
export interface PlacedBackend extends Backend {
  /** Index of its active connections and its state flags in shared memory. */
  readonly slot: number;
  /** Index of the first of its counters in every worker's counter memory. */
  readonly counters: number;
}
