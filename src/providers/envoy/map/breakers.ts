import type { Pool } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** Of Envoy, where thresholds do not say it. */
const usualPending = 1_024;

/** Limits of a pool, as its circuit breakers say. */
export type Breakers = Pick<Pool, "maxConnections" | "maxConnectionsPerBackend" | "queue"> & {
  readonly retryBudget: Pool["connect"]["retryBudget"];
};

/**
 * The circuit breakers of a cluster. Each request that is under way, and each connection that is relayed, is one; over
 * `max_connections` they wait, as many as `max_pending_requests`, over `max_requests` they do not.
 * @param shared whether requests share connections: then `max_connections` does not count.
 */
export function mapBreakers(cluster: Node, shared: boolean, { defaults }: Mapping): Breakers {
  const { pool } = defaults;
  const breakers = cluster.node("circuit_breakers");
  const thresholds = thresholdsOf(breakers?.nodes("thresholds") ?? []);
  const perHost = thresholdsOf(breakers?.nodes("per_host_thresholds") ?? []);
  const connections = shared ? undefined : thresholds?.number("max_connections");
  const requests = thresholds?.number("max_requests");
  const limits = [connections, requests].filter((limit) => limit !== undefined);
  const waits = connections !== undefined && connections <= (requests ?? connections);
  const pending = thresholds?.number("max_pending_requests") ?? usualPending;
  return {
    ...(limits.length > 0 && { maxConnections: Math.min(...limits) }),
    maxConnectionsPerBackend: perHost?.number("max_connections") ?? pool.maxConnectionsPerBackend,
    queue: limits.length === 0 ? pool.queue : { ...pool.queue, size: waits ? pending : 0 },
    retryBudget: budgetOf(thresholds, pool.connect.retryBudget),
  };
}

/** Those of the default priority: umay has no other. */
const thresholdsOf = (all: readonly Node[]): Node | undefined =>
  all.find((each) => (each.text("priority") || "DEFAULT") === "DEFAULT");

function budgetOf(thresholds: Node | undefined, usual: Breakers["retryBudget"]): Breakers["retryBudget"] {
  const budget = thresholds?.node("retry_budget");
  if (budget !== undefined)
    return {
      percent: Math.round(budget.node("budget_percent")?.number("value") ?? 20),
      min: budget.number("min_retry_concurrency") ?? 3,
    };
  const retries = thresholds?.number("max_retries");
  return retries === undefined ? usual : { percent: 0, min: retries };
}
