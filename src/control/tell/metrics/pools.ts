import { backendCell, connectFailureList, poolCell, sumCells } from "../../../channel/counters.ts";
import { backendFlag } from "../../../channel/memory.ts";
import { backendStates, type PlacedBackend } from "../../../model/backend.ts";
import type { PlacedPool, Snapshot } from "../../../model/snapshot.ts";
import type { poolMetrics } from "../../../observe/pool-metrics.ts";
import type { BackendHealth } from "../../backends/health.ts";
import { backendState, openToBackend, waitingInPool } from "../../state/counts.ts";
import type { MetricsInput } from "../readings.ts";
import { type Collector, type HistogramName, histogram, of } from "./samples.ts";

const pools = (snapshot: Snapshot): readonly PlacedPool[] => snapshot.pools;

/** Of pools and their backends. */
export const poolCollectors: { readonly [Name in keyof typeof poolMetrics]: Collector } = {
  umay_backend_connections_total: ofBackends(({ memories }, { counters }) =>
    sumCells(memories, counters + backendCell.connected),
  ),
  umay_backend_connections: ofBackends(({ memories }, backend) => openToBackend(memories, backend)),
  umay_backend_connect_failures_total: of(pools, ({ memories }, pool) =>
    pool.backends.flatMap(({ address, counters }) =>
      connectFailureList.flatMap((reason, index) => {
        const value = sumCells(memories, counters + backendCell.failures + index);
        return value === 0 ? [] : { labels: { pool: pool.name, backend: address, reason }, value };
      }),
    ),
  ),
  umay_pool_connect_failures_total: ofPools(({ memories }, { counters }) =>
    sumCells(memories, counters + poolCell.connectFailures),
  ),
  umay_backend_connect_duration_seconds: histogramOfPools(
    "umay_backend_connect_duration_seconds",
    "connectDuration",
  ),
  umay_backend_sent_bytes_total: ofBackends(({ memories }, { counters }) =>
    sumCells(memories, counters + backendCell.sent),
  ),
  umay_backend_received_bytes_total: ofBackends(({ memories }, { counters }) =>
    sumCells(memories, counters + backendCell.received),
  ),
  umay_pool_retries_total: ofPools(({ memories }, { counters }) =>
    sumCells(memories, counters + poolCell.retried),
  ),
  umay_pool_queue_sessions: ofPools(({ memories }, pool) => waitingInPool(memories, pool)),
  umay_pool_queued_total: ofPools(({ memories }, { counters }) =>
    sumCells(memories, counters + poolCell.queued),
  ),
  umay_pool_queue_duration_seconds: histogramOfPools("umay_pool_queue_duration_seconds", "queueDuration"),
  umay_backend_up: ofBackends(({ shared }, { slot }) =>
    Atomics.load(shared.backendFlags, slot) & (backendFlag.down | backendFlag.ejected) ? 0 : 1,
  ),
  umay_backend_draining: ofBackends(({ shared }, backend) =>
    backendState(shared, backend) === "draining" ? 1 : 0,
  ),
  umay_backend_health_changes_total: ofWatched(({ changes, checkFailures }) =>
    checkFailures === undefined ? undefined : changes,
  ),
  umay_backend_check_failures_total: ofWatched(({ checkFailures }) => checkFailures),
  umay_backend_ejections_total: ofWatched(({ ejections }) => ejections),
  umay_pool_panic: ofPools(({ health }, { name }) => (health.failsOpen(name) ? 1 : 0)),
  umay_pool_backends: of(pools, ({ shared }, { name, backends }) => {
    const states = backends.map((backend) => backendState(shared, backend));
    return backendStates.map((state) => ({
      labels: { pool: name, state },
      value: states.filter((each) => each === state).length,
    }));
  }),
  umay_discovery_errors_total: ({ discovery }) =>
    [...discovery()].map(([pool, { errors }]) => ({ labels: { pool }, value: errors })),
};

function ofPools(value: (input: MetricsInput, pool: PlacedPool) => number): Collector {
  return of(pools, (input, pool) => [{ labels: { pool: pool.name }, value: value(input, pool) }]);
}

function histogramOfPools(name: HistogramName, cell: "connectDuration" | "queueDuration"): Collector {
  return of(pools, ({ memories }, pool) =>
    histogram(name, { pool: pool.name }, memories, pool.counters + poolCell[cell]),
  );
}

export function ofBackends(value: (input: MetricsInput, backend: PlacedBackend) => number): Collector {
  return of(pools, (input, pool) =>
    pool.backends.map((backend) => ({
      labels: { pool: pool.name, backend: backend.address },
      value: value(input, backend),
    })),
  );
}

/** Of backends that are watched; undefined where it does not apply. */
function ofWatched(value: (health: BackendHealth) => number | undefined): Collector {
  return of(pools, ({ health }, pool) =>
    pool.backends.flatMap(({ address, slot }) => {
      const reading = health.backend(slot);
      const its = reading && value(reading);
      return its === undefined ? [] : [{ labels: { pool: pool.name, backend: address }, value: its }];
    }),
  );
}
