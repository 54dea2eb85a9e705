import { parseAddress } from "../../../lib/address.ts";
import { Items } from "../../../lib/long-json.ts";
import { inPieces } from "../../../lib/long-text.ts";
import type { BackendStatus, PoolStatus } from "../status/pools.ts";
import type { TellingStatus } from "../status/status.ts";
import { addressOf } from "./listeners.ts";

/** Envoy's words for why a backend may not be picked. */
const flags: Readonly<Record<BackendStatus["state"], string>> = {
  up: "healthy",
  checking: "/pending_active_hc",
  down: "/failed_active_hc",
  ejected: "/failed_outlier_check",
  draining: "/degraded_eds_health",
};

/** `GET /clusters`: lines of cluster, backend, name and value. */
export const clusterLines = ({ pools }: TellingStatus): AsyncIterable<string> =>
  inPieces(Iterator.from(pools.each()).map(linesOf));

function linesOf([name, { backends }]: readonly [string, PoolStatus]): string {
  let lines = `${name}::observability_name::${name}\n`;
  for (const backend of backends)
    for (const [key, value] of Object.entries(valuesOf(backend)))
      lines += `${name}::${backend.address}::${key}::${value}\n`;
  return lines;
}

function valuesOf(backend: BackendStatus): Readonly<Record<string, string | number | boolean>> {
  return {
    cx_active: backend.connections,
    cx_connect_fail: backend.connect_failures_total,
    cx_total: backend.connections_total,
    health_flags: flags[backend.state],
    weight: backend.weight,
    priority: backend.tier,
    canary: false,
  };
}

/** `envoy.admin.v3.Clusters` in JSON. */
export const clusterStatuses = ({ pools }: TellingStatus): object => ({
  cluster_statuses: new Items(() =>
    Iterator.from(pools.each()).map(([name, { backends }]) => ({
      name,
      observability_name: name,
      host_statuses: backends.map(hostStatus),
    })),
  ),
});

function hostStatus(backend: PoolStatus["backends"][number]): object {
  const address = parseAddress(backend.address);
  return {
    address: typeof address === "string" ? { pipe: { path: backend.address } } : addressOf(address),
    stats: [
      { name: "cx_total", value: String(backend.connections_total) },
      { name: "cx_connect_fail", value: String(backend.connect_failures_total) },
      { name: "cx_active", value: String(backend.connections), type: "GAUGE" },
    ],
    health_status: {
      eds_health_status: backend.state === "draining" ? "DRAINING" : "HEALTHY",
      ...(backend.state === "down" && { failed_active_health_check: true }),
      ...(backend.state === "checking" && { pending_active_hc: true }),
      ...(backend.state === "ejected" && { failed_outlier_check: true }),
    },
    weight: backend.weight,
    priority: backend.tier,
  };
}
