import { readdirSync } from "node:fs";
import {
  backendCell,
  type CounterMemory,
  connectFailureList,
  endReasonList,
  guardCell,
  guardResults,
  handshakeOutcomes,
  listenerCell,
  poolCell,
  rejectReasonList,
  requestOutcomeList,
  routeCell,
  sumCells,
} from "../../channel/counters.ts";
import { backendFlag, memoryShort, mostConnections, openConnections } from "../../channel/memory.ts";
import { revision, version } from "../../lib/version.ts";
import type { ReloadCounts } from "../../material/renewal.ts";
import { backendStates, type PlacedBackend } from "../../model/backend.ts";
import { partsOfName } from "../../model/http/guard.ts";
import type { Certificate } from "../../model/material.ts";
import type { PlacedListener, PlacedPool } from "../../model/snapshot.ts";
import { type MetricName, metrics } from "../../observe/metrics.ts";
import type { BackendHealth } from "../backends/health.ts";
import {
  backendState,
  guardsIn,
  openInWorker,
  openOnListener,
  openToBackend,
  requestsOfRoute,
  routesIn,
  speakingHttp,
  waitingInPool,
} from "../state/counts.ts";
import { acmeCollectors } from "./acme-collectors.ts";
import { cumulate } from "./histograms.ts";
import type { MetricsInput } from "./readings.ts";
import { mirrored, refusedRetries, retriesOfRequests, shedOfWorkers } from "./request-collectors.ts";

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it differs from the metric's name: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** The values of every metric, now. */
export const collectors: { readonly [Name in MetricName]: (input: MetricsInput) => readonly Sample[] } = {
  umay_build_info: () => one(1, { version, revision, node: process.versions.node }),
  umay_ready: ({ readiness }) => one(readiness().state === "ready" ? 1 : 0),
  umay_connections: ({ shared }) => one(Atomics.load(shared.process, openConnections)),
  umay_connections_limit: ({ shared }) => one(Atomics.load(shared.process, mostConnections)),

  umay_listener_connections_total: ofListeners("accepted"),
  umay_listener_given_away_total: ofListeners("givenAway"),
  umay_listener_connections: ({ memories, snapshot }) =>
    snapshot().listeners.map((listener) => ({
      labels: { listener: listener.name },
      value: openOnListener(memories, listener),
    })),
  umay_listener_rejected_total: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      rejectReasonList.map((reason, index) => ({
        labels: { listener: name, reason },
        value: sumCells(memories, counters + listenerCell.rejected + index),
      })),
    ),
  umay_sessions_ended_total: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      endReasonList.map((reason, index) => ({
        labels: { listener: name, reason },
        value: sumCells(memories, counters + listenerCell.ends + index),
      })),
    ),
  umay_listener_received_bytes_total: ofListeners("received"),
  umay_listener_sent_bytes_total: ofListeners("sent"),
  umay_tls_handshakes_total: ({ memories, snapshot }) =>
    snapshot()
      .listeners.filter(terminatesTls)
      .flatMap(({ name, counters }) =>
        handshakeOutcomes.map(({ result, version }, index) => ({
          labels: { listener: name, result, version },
          value: sumCells(memories, counters + listenerCell.handshakes + index),
        })),
      ),
  umay_tls_handshake_duration_seconds: ({ memories, snapshot }) =>
    snapshot()
      .listeners.filter(terminatesTls)
      .flatMap(({ name, counters }) =>
        histogram(
          "umay_tls_handshake_duration_seconds",
          { listener: name },
          memories,
          counters + listenerCell.handshakeDuration,
        ),
      ),
  umay_session_duration_seconds: ({ memories, snapshot }) =>
    snapshot().listeners.flatMap(({ name, counters }) =>
      histogram(
        "umay_session_duration_seconds",
        { listener: name },
        memories,
        counters + listenerCell.sessionDuration,
      ),
    ),

  umay_requests_total: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      outcomes({ listener: name }, memories, counters + listenerCell.requests),
    ),
  umay_request_duration_seconds: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      histogram(
        "umay_request_duration_seconds",
        { listener: name },
        memories,
        counters + listenerCell.requestDuration,
      ),
    ),
  umay_route_requests_total: ({ memories, snapshot }) =>
    routesIn(snapshot()).flatMap(({ name, counters }) =>
      outcomes({ route: name }, memories, counters + routeCell.requests),
    ),
  umay_route_requests: ({ memories, snapshot }) =>
    routesIn(snapshot()).map((route) => ({
      labels: { route: route.name },
      value: requestsOfRoute(memories, route),
    })),
  umay_route_request_duration_seconds: ({ memories, snapshot }) =>
    routesIn(snapshot()).flatMap(({ name, counters }) =>
      histogram(
        "umay_route_request_duration_seconds",
        { route: name },
        memories,
        counters + routeCell.requestDuration,
      ),
    ),
  umay_auth_total: ({ memories, snapshot }) =>
    guardsIn(snapshot(), "auth").flatMap(({ name, counters }) =>
      guardResults.map((result, index) => ({
        labels: { auth: partsOfName(name)[1], result },
        value: sumCells(memories, counters + guardCell.results + index),
      })),
    ),
  umay_rate_limited_total: ({ memories, snapshot }) =>
    guardsIn(snapshot(), "rate_limits").map(({ name, counters }) => ({
      labels: { limit: partsOfName(name)[1] },
      value: sumCells(memories, counters + guardCell.results + guardResults.indexOf("refused")),
    })),
  umay_first_byte_seconds: ({ memories, snapshot }) => {
    const { pools, ...served } = snapshot();
    if (speakingHttp(served).length === 0) return [];
    return pools.flatMap(({ name, counters }) =>
      histogram("umay_first_byte_seconds", { pool: name }, memories, counters + poolCell.firstByte),
    );
  },

  umay_request_retries_total: retriesOfRequests,
  umay_request_retries_refused_total: refusedRetries,
  umay_backend_connections_total: ofBackends(({ memories }, { counters }) =>
    sumCells(memories, counters + backendCell.connected),
  ),
  umay_backend_connections: ofBackends(({ memories }, backend) => openToBackend(memories, backend)),
  umay_backend_connect_failures_total: ({ memories, snapshot }) =>
    snapshot().pools.flatMap((pool) =>
      pool.backends.flatMap(({ address, counters }) =>
        connectFailureList.map((reason, index) => ({
          labels: { pool: pool.name, backend: address, reason },
          value: sumCells(memories, counters + backendCell.failures + index),
        })),
      ),
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

  umay_pool_backends: ({ shared, snapshot }) =>
    snapshot().pools.flatMap(({ name, backends }) => {
      const states = backends.map((backend) => backendState(shared, backend));
      return backendStates.map((state) => ({
        labels: { pool: name, state },
        value: states.filter((each) => each === state).length,
      }));
    }),
  umay_discovery_errors_total: ({ discovery }) =>
    [...discovery()].map(([pool, { errors }]) => ({ labels: { pool }, value: errors })),

  umay_config_generation: ({ snapshot }) => one(snapshot().version),
  umay_config_reloads_total: ({ reloads }) => reloadSamples({}, reloads()),
  umay_config_last_reload_timestamp_seconds: ({ lastReload }) => one(lastReload().at / 1000),
  umay_config_last_reload_successful: ({ lastReload }) => one(lastReload().successful ? 1 : 0),
  umay_certificate_not_after_timestamp_seconds: ({ snapshot }) =>
    snapshot().listeners.flatMap(({ name, tls }) =>
      expiries(
        { listener: name },
        tls.flatMap(({ certificates }) => certificates),
      ),
    ),
  umay_certificate_reloads_total: ({ snapshot, certificateReloads }) =>
    snapshot()
      .listeners.filter(terminatesTls)
      .flatMap(({ name }) => reloadSamples({ listener: name }, certificateReloads().listeners.get(name))),
  ...acmeCollectors,
  umay_pool_certificate_not_after_timestamp_seconds: ({ snapshot }) =>
    snapshot().pools.flatMap(({ name, tls }) =>
      expiries({ pool: name }, tls?.certificate === undefined ? [] : [tls.certificate]),
    ),
  umay_auth_file_reloads_total: ({ certificateReloads }) =>
    [...certificateReloads().guards].flatMap(([name, counts]) =>
      reloadSamples({ auth: partsOfName(name)[1] }, counts),
    ),
  umay_pool_certificate_reloads_total: ({ certificateReloads }) =>
    [...certificateReloads().pools].flatMap(([pool, counts]) => reloadSamples({ pool }, counts)),

  umay_workers: ({ memories }) => one(memories.length),
  umay_worker_connections: ({ memories, shared }) =>
    memories.map((memory, index) => ({
      labels: { worker: String(index + 1) },
      value: openInWorker(memory, shared),
    })),
  umay_backend_idle_connections: ofBackends(({ memories }, { counters }) =>
    Math.max(
      0,
      sumCells(memories, counters + backendCell.kept) - sumCells(memories, counters + backendCell.unkept),
    ),
  ),
  umay_mirrored_requests_total: mirrored,
  umay_worker_shed_ratio: shedOfWorkers,
  umay_memory_short: ({ shared }) => one(Atomics.load(shared.process, memoryShort)),
  umay_worker_restarts_total: ({ workers }) => one(workers.restarts),
  umay_worker_hangs_total: ({ workers }) => one(workers.hangs),
  umay_log_lines_dropped_total: ({ droppedLogLines }) => one(droppedLogLines()),
  umay_open_files: () => openFiles(),
  umay_open_files_limit: ({ fileLimit }) => {
    const limit = fileLimit();
    return limit === undefined ? [] : one(limit);
  },
};

function one(value: number, labels: Sample["labels"] = {}): readonly Sample[] {
  return [{ labels, value }];
}

/** Of each outcome that there was. */
function outcomes(
  labels: Sample["labels"],
  memories: MetricsInput["memories"],
  base: number,
): readonly Sample[] {
  return requestOutcomeList
    .map((status, index) => ({ labels: { ...labels, status }, value: sumCells(memories, base + index) }))
    .filter(({ value, labels: { status } }) => value > 0 || /^[2-5]xx$/.test(status));
}

function ofListeners(
  cell: "accepted" | "givenAway" | "received" | "sent",
): (input: MetricsInput) => readonly Sample[] {
  return ({ memories, snapshot }) =>
    snapshot().listeners.map(({ name, counters }) => ({
      labels: { listener: name },
      value: sumCells(memories, counters + listenerCell[cell]),
    }));
}

function ofPools(
  value: (input: MetricsInput, pool: PlacedPool) => number,
): (input: MetricsInput) => readonly Sample[] {
  return (input) =>
    input.snapshot().pools.map((pool) => ({ labels: { pool: pool.name }, value: value(input, pool) }));
}

function histogramOfPools(
  name: HistogramName,
  cell: "connectDuration" | "queueDuration",
): (input: MetricsInput) => readonly Sample[] {
  return ({ memories, snapshot }) =>
    snapshot().pools.flatMap((pool) =>
      histogram(name, { pool: pool.name }, memories, pool.counters + poolCell[cell]),
    );
}

function ofBackends(
  value: (input: MetricsInput, backend: PlacedBackend) => number,
): (input: MetricsInput) => readonly Sample[] {
  return (input) =>
    input.snapshot().pools.flatMap((pool) =>
      pool.backends.map((backend) => ({
        labels: { pool: pool.name, backend: backend.address },
        value: value(input, backend),
      })),
    );
}

/** Of backends that are watched; undefined where it does not apply. */
function ofWatched(
  value: (health: BackendHealth) => number | undefined,
): (input: MetricsInput) => readonly Sample[] {
  return ({ health, snapshot }) =>
    snapshot().pools.flatMap((pool) =>
      pool.backends.flatMap(({ address, slot }) => {
        const reading = health.backend(slot);
        const its = reading && value(reading);
        return its === undefined ? [] : [{ labels: { pool: pool.name, backend: address }, value: its }];
      }),
    );
}

const terminatesTls = ({ tls }: PlacedListener): boolean => tls.length > 0;

/** Certificates of one subject (an RSA and an ECDSA one, say) share a series. */
function expiries(owner: Sample["labels"], certificates: readonly Certificate[]): readonly Sample[] {
  const first = new Map<string, number>();
  for (const { subject, notAfter } of certificates)
    first.set(subject, Math.min(first.get(subject) ?? Number.POSITIVE_INFINITY, notAfter));
  return [...first].map(([subject, notAfter]) => ({
    labels: { ...owner, subject },
    value: notAfter / 1000,
  }));
}

function reloadSamples(
  owner: Sample["labels"],
  { applied, failed }: Readonly<ReloadCounts> = { applied: 0, failed: 0 },
): readonly Sample[] {
  return [
    { labels: { ...owner, result: "applied" }, value: applied },
    { labels: { ...owner, result: "failed" }, value: failed },
  ];
}

/** Nothing where the system does not say. */
function openFiles(): readonly Sample[] {
  try {
    // One less for the folder itself.
    return one(readdirSync("/dev/fd").length - 1);
  } catch {
    return [];
  }
}

type HistogramName = {
  [Name in MetricName]: (typeof metrics)[Name]["type"] extends "histogram" ? Name : never;
}[MetricName];

function histogram(
  name: HistogramName,
  labels: Sample["labels"],
  memories: readonly CounterMemory[],
  base: number,
): readonly Sample[] {
  const { bounds } = metrics[name];
  const { counts, sum } = cumulate(memories, base, bounds);
  return [
    ...counts.map((value, index) => ({
      labels: { ...labels, le: String(bounds[index] ?? "+Inf") },
      value,
      metricName: `${name}_bucket`,
    })),
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: counts.at(-1)!, metricName: `${name}_count` },
  ];
}
