import { readdirSync } from "node:fs";
import { mostConnections, openConnections } from "../../../channel/memory.ts";
import { revision, version } from "../../../lib/version.ts";
import type { ReloadCounts } from "../../../material/renewal.ts";
import { partsOfName } from "../../../model/http/guard.ts";
import type { Certificate } from "../../../model/material.ts";
import type { MetricName } from "../../../observe/metrics.ts";
import { openInWorker } from "../../state/counts.ts";
import { acmeCollectors } from "./acme.ts";
import { xdsCollectors } from "./control-planes.ts";
import { http2Collectors } from "./http2.ts";
import { listenerCollectors, terminatesTls } from "./listeners.ts";
import { poolCollectors } from "./pools.ts";
import { requestCollectors } from "./requests.ts";
import { type Collector, one, type Sample } from "./samples.ts";

/** The values of every metric, now. */
export const collectors: { readonly [Name in MetricName]: Collector } = {
  umay_build_info: () => one(1, { version, revision, node: process.versions.node }),
  umay_ready: ({ readiness }) => one(readiness().state === "ready" ? 1 : 0),
  umay_connections: ({ shared }) => one(Atomics.load(shared.process, openConnections)),
  umay_connections_limit: ({ shared }) => one(Atomics.load(shared.process, mostConnections)),
  ...listenerCollectors,
  ...http2Collectors,
  ...requestCollectors,
  ...poolCollectors,
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
  ...xdsCollectors,
  umay_pool_certificate_not_after_timestamp_seconds: ({ snapshot }) =>
    snapshot().pools.flatMap(({ name, tls }) =>
      expiries({ pool: name }, tls?.certificate === undefined ? [] : [tls.certificate]),
    ),
  umay_page_reloads_total: ({ certificateReloads }) => {
    const { pages } = certificateReloads();
    if (pages.size === 0) return [];
    const sum = (result: keyof ReloadCounts): number =>
      [...pages.values()].reduce((total, counts) => total + counts[result], 0);
    return reloadSamples({}, { applied: sum("applied"), failed: sum("failed") });
  },
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
  umay_worker_restarts_total: ({ workers }) => one(workers.restarts),
  umay_worker_hangs_total: ({ workers }) => one(workers.hangs),
  umay_log_lines_dropped_total: ({ droppedLogLines }) => one(droppedLogLines()),
  umay_open_files: () => openFiles(),
  umay_open_files_limit: ({ fileLimit }) => {
    const limit = fileLimit();
    return limit === undefined ? [] : one(limit);
  },
};

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
