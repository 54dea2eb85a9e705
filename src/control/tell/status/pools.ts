import { backendCell, connectFailureList, poolCell, sumCells } from "../../../channel/counters.ts";
import type { BackendState, PlacedBackend } from "../../../model/backend.ts";
import type { PlacedPool } from "../../../model/snapshot.ts";
import { certificatesOf } from "../../../model/transport.ts";
import { backendState, openToBackend, waitingInPool } from "../../state/counts.ts";
import type { Percentiles, ReadPercentiles } from "../histograms.ts";
import type { DiscoveryReading, MetricsInput } from "../readings.ts";
import { type CertificateStatus, certificateStatus } from "./certificates.ts";

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

/** @param discovery undefined: nobody looks for its backends. */
export function readPool(
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

const fromNow = (milliseconds: number): string => new Date(Date.now() + milliseconds).toISOString();

const seconds = (milliseconds: number | undefined): number | null =>
  milliseconds === undefined ? null : Math.round(milliseconds) / 1000;
