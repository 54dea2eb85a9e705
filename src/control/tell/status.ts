import { hostname } from "node:os";
import {
  backendCell,
  type CounterMemory,
  connectFailureList,
  endReasonList,
  handshakeOutcomes,
  listenerCell,
  poolCell,
  rejectReasonList,
  requestOutcomeList,
  routeCell,
  sumCells,
} from "../../channel/counters.ts";
import { mostConnections, openConnections } from "../../channel/memory.ts";
import { formatAddress } from "../../lib/address.ts";
import { Members } from "../../lib/long-json.ts";
import { version } from "../../lib/version.ts";
import type { BackendState, PlacedBackend } from "../../model/backend.ts";
import { describeChainMatch, modeOf, relayTarget, rulesOf, type Serve } from "../../model/chain.ts";
import type { Certificate } from "../../model/material.ts";
import type { PlacedListener, PlacedPool, PlacedRoute, Snapshot } from "../../model/snapshot.ts";
import { certificatesOf } from "../../model/transport.ts";
import {
  backendState,
  openInWorker,
  openOnListener,
  openToBackend,
  requestsOfRoute,
  routesIn,
  waitingInPool,
} from "../state/counts.ts";
import type { WorkerState } from "../workers/supervisor.ts";
import { type AcmeStatus, readAcme } from "./acme-status.ts";
import { type Percentiles, percentiles, type ReadPercentiles } from "./histograms.ts";
import {
  type DiscoveryReading,
  inTurn,
  type MetricsInput,
  type Named,
  type ProcessState,
  steady,
} from "./readings.ts";
import { type ControlPlaneStatus, readControlPlanes } from "./xds-status.ts";

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

export interface RouteStatus {
  /** Under way. */
  readonly requests: number;
  readonly requests_total: number;
  readonly seconds: Percentiles;
}

export interface ListenerStatus {
  /** Where it listens: what `bind` resolved to, with its port. */
  readonly bind: string;
  readonly mode: string;
  readonly connections: number;
  /** Null: only the process's limit counts. */
  readonly connections_limit: number | null;
  readonly connections_total: number;
  readonly received_bytes_total: number;
  readonly sent_bytes_total: number;
  /** Only what has happened, by the codes of the documentation. */
  readonly ended_total: Counts;
  readonly rejected_total: Counts;
  readonly handshake_failures_total: Counts;
  /** Where it sends sessions, in the order in which it is tried. */
  readonly routes: readonly RuleStatus[];
  readonly certificates: readonly CertificateStatus[];
  /** Null without TLS. */
  readonly handshake_seconds: Percentiles | null;
  readonly session_seconds: Percentiles;
  /** Null where it does not speak HTTP. */
  readonly requests: { readonly total: number; readonly seconds: Percentiles } | null;
}

/** How often each of several things happened. */
type Counts = Readonly<Record<string, number>>;

interface RuleStatus {
  readonly match: string;
  /** Where its sessions go; with HTTP the requests that no route takes. */
  readonly pools: readonly string[];
  /** With HTTP: what becomes of the requests that no route takes; null: they get 404. */
  readonly fallback?: "pools" | "redirect" | "respond" | null;
}

interface CertificateStatus {
  readonly subject: string;
  /** ISO 8601. */
  readonly not_after: string;
}

export interface PoolStatus {
  /** That it shows its backends. */
  readonly certificates: readonly CertificateStatus[];
  /** Whether health is ignored, because too few of its backends are up. */
  readonly fails_open: boolean;
  readonly picker: string;
  /** `error` is the last one, until discovery succeeds again. */
  readonly discovery: {
    readonly state: "ok" | "failing";
    readonly errors_total: number;
    readonly error: string | null;
  };
  readonly connect_seconds: Percentiles;
  readonly retries_total: number;
  /** Sessions that wait for a backend, and how often and how long some had to. */
  readonly queue: {
    readonly sessions: number;
    readonly queued_total: number;
    readonly seconds: Percentiles;
  };
  readonly backends: readonly BackendStatus[];
}

export interface BackendStatus {
  readonly address: string;
  readonly weight: number;
  /** How much of its weight counts, in percent; less than 100 while it starts slowly. */
  readonly weight_percent: number;
  /** 0 for primaries, from 1 on backups. */
  readonly tier: number;
  readonly state: BackendState;
  /** Why it is in its state; null: it has been up from the start. */
  readonly cause: string | null;
  /** Since when, ISO 8601; null: it has been up from the start. */
  readonly since: string | null;
  /** When this ends by itself, ISO 8601; null: it does not, or nobody knows. */
  readonly until: string | null;
  /** Null: it is not drained. `by` discovery: it has left the pool. */
  readonly drain: {
    readonly by: "hand" | "discovery";
    /** When what is still open on it is reset; null: never. */
    readonly deadline_seconds: number | null;
  } | null;
  readonly connections: number;
  /** `max_connections_per_backend`; null: no limit. */
  readonly connections_limit: number | null;
  readonly connections_total: number;
  readonly connect_failures_total: number;
  readonly sent_bytes_total: number;
  readonly received_bytes_total: number;
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

function readListener(
  { memories }: MetricsInput,
  listener: PlacedListener,
  percentiles: ReadPercentiles,
): ListenerStatus {
  const { counters, tls } = listener;
  return {
    bind: listener.addresses.map(formatAddress).join(", "),
    mode: modeOf(rulesOf(listener.chains)),
    connections: openOnListener(memories, listener),
    connections_limit: listener.maxConnections ?? null,
    connections_total: sumCells(memories, counters + listenerCell.accepted),
    received_bytes_total: sumCells(memories, counters + listenerCell.received),
    sent_bytes_total: sumCells(memories, counters + listenerCell.sent),
    ended_total: happened(memories, counters + listenerCell.ends, endReasonList),
    rejected_total: happened(memories, counters + listenerCell.rejected, rejectReasonList),
    handshake_failures_total: happened(
      memories,
      counters + listenerCell.handshakes,
      handshakeOutcomes.map(({ result }) => (result === "ok" ? "" : result)),
    ),
    routes: rulesOf(listener.chains).map(({ chains: [{ match, serve }] }) => ({
      match: describeChainMatch(match),
      ...targetOf(serve),
    })),
    certificates: tls.flatMap(({ certificates }) => certificates.map(certificateStatus)),
    handshake_seconds:
      tls.length === 0 ? null : percentiles(memories, counters + listenerCell.handshakeDuration),
    session_seconds: percentiles(memories, counters + listenerCell.sessionDuration),
    requests: listener.chains.some(({ serve }) => serve.kind === "http")
      ? {
          total: sumOutcomes(memories, counters + listenerCell.requests),
          seconds: percentiles(memories, counters + listenerCell.requestDuration),
        }
      : null,
  };
}

function readRoute(
  { memories }: MetricsInput,
  route: PlacedRoute,
  percentiles: ReadPercentiles,
): RouteStatus {
  return {
    requests: requestsOfRoute(memories, route),
    requests_total: sumOutcomes(memories, route.counters + routeCell.requests),
    seconds: percentiles(memories, route.counters + routeCell.requestDuration),
  };
}

function sumOutcomes(memories: MetricsInput["memories"], base: number): number {
  return requestOutcomeList.reduce((sum, _, index) => sum + sumCells(memories, base + index), 0);
}

/** @param discovery undefined: nobody looks for its backends. */
function readPool(
  input: MetricsInput,
  pool: PlacedPool,
  { errors, lastError }: DiscoveryReading = { errors: 0, lastError: undefined },
  percentiles: ReadPercentiles,
): PoolStatus {
  const { memories } = input;
  const { counters } = pool;
  return {
    certificates: certificatesOf(pool).map(certificateStatus),
    fails_open: input.health.failsOpen(pool.name),
    picker: pool.picker.type,
    discovery: {
      state: lastError === undefined ? "ok" : "failing",
      errors_total: errors,
      error: lastError ?? null,
    },
    connect_seconds: percentiles(memories, counters + poolCell.connectDuration),
    retries_total: sumCells(memories, counters + poolCell.retried),
    queue: {
      sessions: waitingInPool(memories, pool),
      queued_total: sumCells(memories, counters + poolCell.queued),
      seconds: percentiles(memories, counters + poolCell.queueDuration),
    },
    backends: pool.backends.map((backend) => readBackend(input, pool, backend)),
  };
}

function readBackend(input: MetricsInput, pool: PlacedPool, backend: PlacedBackend): BackendStatus {
  const { memories, shared } = input;
  const { address, weight, tier, counters } = backend;
  const drain = input.drains.backend(pool.name, address);
  const standing = drain ?? input.health.backend(backend.slot)?.standing;
  const failures = connectFailureList.map((_, index) =>
    sumCells(memories, counters + backendCell.failures + index),
  );
  return {
    address,
    weight,
    weight_percent: 100 - Atomics.load(shared.backendWithheld, backend.slot),
    tier,
    state: backendState(shared, backend),
    cause: standing?.cause ?? null,
    since: standing === undefined ? null : fromNow(-standing.age),
    until: standing?.left === undefined ? null : fromNow(standing.left),
    drain: drain === undefined ? null : { by: drain.by, deadline_seconds: seconds(drain.left) },
    connections: openToBackend(memories, backend),
    connections_limit: pool.maxConnectionsPerBackend ?? null,
    connections_total: sumCells(memories, counters + backendCell.connected),
    connect_failures_total: failures.reduce((sum, count) => sum + count, 0),
    sent_bytes_total: sumCells(memories, counters + backendCell.sent),
    received_bytes_total: sumCells(memories, counters + backendCell.received),
  };
}

/** @param names of the cells from `first` on; an empty one is left out. */
function happened(memories: readonly CounterMemory[], first: number, names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    const count = sumCells(memories, first + index);
    if (name !== "" && count > 0) counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}

const certificateStatus = ({ subject, notAfter }: Certificate): CertificateStatus => ({
  subject,
  not_after: new Date(notAfter).toISOString(),
});

const fromNow = (milliseconds: number): string => new Date(Date.now() + milliseconds).toISOString();

const seconds = (milliseconds: number | undefined): number | null =>
  milliseconds === undefined ? null : Math.round(milliseconds) / 1000;

function targetOf(serve: Serve): Omit<RuleStatus, "match"> {
  if (serve.kind !== "http") return { pools: relayTarget(serve).map(({ pool }) => pool) };
  const action = serve.fallback?.action;
  const to = action?.kind === "pools" ? action.to : [];
  return { pools: to.map(({ pool }) => pool), fallback: action?.kind ?? null };
}
