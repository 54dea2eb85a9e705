import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { CountsOfAll, ReloadCounts } from "../../material/renewal.ts";
import type { AcmeState } from "../../model/acme.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { ControlPlaneReading } from "../../providers/provider.ts";
import type { BackendDrains } from "../backends/drains.ts";
import type { HealthMonitor } from "../backends/health.ts";
import type { Supervisor } from "../workers/supervisor.ts";

/** `starting` until every listener accepts and every pool has had a backend; `unready` while a worker hangs. */
export type ProcessState = "starting" | "ready" | "unready" | "draining";

/** Whether the process is ready for traffic, as `/readyz`, status, metrics and log all say it. */
export interface Readiness {
  readonly state: ProcessState;
  /** Why it is not ready, in one line; undefined when it is. */
  readonly reason: string | undefined;
}

/** The sources that metrics and status are read from when someone asks. */
export interface MetricsInput {
  /** Every worker's, worker 1 first. A replaced worker goes on with its predecessor's, whose sessions are counted as ended. */
  readonly memories: readonly CounterMemory[];
  readonly shared: SharedMemory;
  readonly readiness: () => Readiness;
  readonly snapshot: () => Snapshot;
  /** The version of {@link snapshot}, which costs more. */
  readonly generation: () => number;
  /** By pool. */
  readonly discovery: () => ReadonlyMap<string, DiscoveryReading>;
  readonly health: Pick<HealthMonitor, "backend" | "failsOpen">;
  readonly drains: Pick<BackendDrains, "backend">;
  readonly workers: Pick<Supervisor, "states" | "restarts" | "hangs">;
  readonly droppedLogLines: () => number;
  /** Reloads of the configuration so far. */
  readonly reloads: () => Readonly<ReloadCounts>;
  /** When the configuration was last put into service, in milliseconds since 1970, and whether the last try worked. */
  readonly lastReload: () => { readonly at: number; readonly successful: boolean };
  /** Renewals of what listeners that terminate TLS, pools and guards have from files. */
  readonly certificateReloads: () => CountsOfAll;
  /** How it stands with the stores of limits that machines share; undefined: there is none. */
  readonly sharing: () => SharingReading | undefined;
  /** How it stands with control planes; undefined: there is none. */
  readonly controlPlanes: () => readonly ControlPlaneReading[] | undefined;
  /** How it stands with certificates that umay gets over ACME; undefined: it gets none. */
  readonly acme: () => AcmeReading | undefined;
  /** The most files that the process may have open; undefined where the system does not say. */
  readonly fileLimit: () => number | undefined;
}

export interface SharingReading {
  /** By address, whether a store takes counts. */
  readonly states: ReadonlyMap<string, boolean>;
  /** By limit, requests that passed and that its store was not told of. */
  readonly unshared: ReadonlyMap<string, number>;
}

export interface AcmeReading {
  readonly states: readonly AcmeState[];
  /** Orders so far. */
  readonly counts: { readonly obtained: number; readonly failed: number };
}

export interface DiscoveryReading {
  /** How often finding the backends failed so far. */
  readonly errors: number;
  /** The last error, until it succeeds again. */
  readonly lastError: string | undefined;
}

/** The same sources, whose snapshot is made once for each generation. */
export function steady(input: MetricsInput): MetricsInput {
  let made: Snapshot | undefined;
  let of: number;
  const snapshot = (): Snapshot => {
    if (made === undefined || of !== input.generation()) {
      of = input.generation();
      made = input.snapshot();
    }
    return made;
  };
  return { ...input, snapshot };
}

export interface Named {
  readonly name: string;
}

/**
 * Things of a steady snapshot, one after the other, each as it is when it is its turn. One that has left by then is left out,
 * because its counters may be another one's.
 */
export function* inTurn<T extends Named>(
  { snapshot }: Pick<MetricsInput, "snapshot">,
  things: (snapshot: Snapshot) => readonly T[],
): Generator<T> {
  let seen = snapshot();
  let present: ReadonlyMap<string, T> | undefined;
  for (const first of things(seen)) {
    if (snapshot() !== seen) {
      seen = snapshot();
      present = new Map(things(seen).map((thing) => [thing.name, thing]));
    }
    const thing = present === undefined ? first : present.get(first.name);
    if (thing !== undefined) yield thing;
  }
}
