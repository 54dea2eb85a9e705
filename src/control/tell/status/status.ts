import { hostname } from "node:os";
import { mostConnections, openConnections } from "../../../channel/memory.ts";
import { Members } from "../../../lib/long-json.ts";
import { version } from "../../../lib/version.ts";
import type { Snapshot } from "../../../model/snapshot.ts";
import { openInWorker, routesIn } from "../../state/counts.ts";
import type { WorkerState } from "../../workers/supervisor.ts";
import { percentiles } from "../histograms.ts";
import { inTurn, type MetricsInput, type Named, type ProcessState, steady } from "../readings.ts";
import { type AcmeStatus, readAcme } from "./acme.ts";
import { type ControlPlaneStatus, readControlPlanes } from "./control-planes.ts";
import { type ListenerStatus, readListener } from "./listeners.ts";
import { type PoolStatus, readPool } from "./pools.ts";
import { type RouteStatus, readRoute } from "./routes.ts";

/** The answer to `GET /status`. Everything that ends in `_total` counts since the start, also what replaced workers did. */
export interface Status {
  /** Of the machine or container. */
  readonly host: string;
  readonly version: string;
  readonly pid: number;
  readonly uptime_seconds: number;
  /** As `/readyz` says it. */
  readonly state: ProcessState;
  /** Why it is not ready; null when it is. */
  readonly reason: string | null;
  readonly connections: number;
  /** The most connections that the limit on open files allows. */
  readonly connections_limit: number;
  readonly generation: number;
  readonly workers: readonly {
    readonly id: number;
    readonly state: WorkerState;
    readonly connections: number;
  }[];
  readonly listeners: Readonly<Record<string, ListenerStatus>>;
  /** Of HTTP; none where no listener speaks it. */
  readonly routes: Readonly<Record<string, RouteStatus>>;
  readonly pools: Readonly<Record<string, PoolStatus>>;
  /** Certificates that umay gets over ACME. */
  readonly acme: readonly AcmeStatus[];
  /** Where resources of control planes come from. */
  readonly control_planes: readonly ControlPlaneStatus[];
}

/** The same, while it is told: listeners, routes and pools are read one after the other. */
export interface TellingStatus extends Omit<Status, "listeners" | "routes" | "pools"> {
  readonly listeners: Members<ListenerStatus>;
  readonly routes: Members<RouteStatus>;
  readonly pools: Members<PoolStatus>;
}

export async function readStatus(input: MetricsInput): Promise<TellingStatus> {
  const source = steady(input);
  const { memories, shared } = source;
  const snapshot = source.snapshot();
  const readiness = source.readiness();
  const discoveries = source.discovery();
  const read = await percentiles();
  const members = <T extends Named, S>(
    things: (snapshot: Snapshot) => readonly T[],
    tell: (thing: T) => S,
  ): Members<S> => new Members(() => inTurn(source, things).map((thing) => [thing.name, tell(thing)]));
  return {
    host: hostname(),
    version,
    pid: process.pid,
    uptime_seconds: Math.round(process.uptime() * 1000) / 1000,
    state: readiness.state,
    reason: readiness.reason ?? null,
    connections: Atomics.load(shared.process, openConnections),
    connections_limit: Atomics.load(shared.process, mostConnections),
    generation: snapshot.version,
    workers: memories.map((memory, index) => ({
      id: index + 1,
      state: source.workers.states[index] ?? "starting",
      connections: openInWorker(memory, shared),
    })),
    listeners: members(
      ({ listeners }) => listeners,
      (listener) => readListener(source, listener, read),
    ),
    routes: members(routesIn, (route) => readRoute(source, route, read)),
    pools: members(
      ({ pools }) => pools,
      (pool) => readPool(source, pool, discoveries.get(pool.name), read),
    ),
    acme: readAcme(source),
    control_planes: readControlPlanes(source),
  };
}
