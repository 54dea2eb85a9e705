import { errorAt, type Finding, type Path, warningAt } from "../../../../lib/findings.ts";
import type { PoolHttp } from "../../../../model/http/backend.ts";
import type { Pool } from "../../../../model/pool.ts";
import { defaultRetryBudget, type PoolSettings } from "../../schema/pool.ts";

const [second, minute] = [1_000, 60_000];

export function resolvePoolHttp(
  pool: PoolSettings,
  path: Path,
  report: (finding: Finding) => void,
): PoolHttp {
  const { http: settings, proxy_protocol: proxyProtocol } = pool;
  const { host, version, idle } = settings;
  if (version !== "1.1" && proxyProtocol !== undefined)
    report(
      errorAt(
        [...path, "http", "version"],
        "needs connections that clients share, and proxy_protocol one for each client; remove one of them",
      ),
    );
  return {
    version,
    host: host === "keep" || host === "backend" ? host : { name: host },
    idle: idle ?? 4 * second,
    sharedIdle: idle ?? 5 * minute,
    maxIdlePerBackend: settings.max_idle_per_backend,
    maxRequestsPerBackend: settings.max_requests_per_backend || undefined,
    maxResponseHead: settings.max_response_head,
  };
}

/** The pool's `retry_budget`, also where it stands in `connect`, its place before. */
export function resolveRetryBudget(
  { retry_budget: budget, connect: { retry_budget: former } }: PoolSettings,
  path: Path,
  report: (finding: Finding) => void,
): Pool["connect"]["retryBudget"] {
  const place = [...path, "connect", "retry_budget"];
  if (former !== undefined && budget !== undefined)
    report(errorAt(place, "stands beside the pool's own retry_budget; remove this one"));
  else if (former !== undefined)
    report({ ...warningAt(place, "has moved up: write it as retry_budget of the pool itself"), at: "key" });
  return budget ?? former ?? defaultRetryBudget();
}
