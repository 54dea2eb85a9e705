import { warningAt } from "../../../lib/findings.ts";
import type { OutlierSpec } from "../../../model/health.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** Envoy's outlier detection: it is off without a message. Rates are looked at every ten seconds. */
export function mapOutlier(outlier: Node | undefined, usual: OutlierSpec, mapping: Mapping): OutlierSpec {
  if (outlier === undefined) return { ...usual, enabled: false };
  if (outlier.flag("successful_active_health_check_uneject_host") === false)
    mapping.report(
      warningAt(
        outlier.at("successful_active_health_check_uneject_host"),
        "has no effect: a backend that passes a check is ejected no more",
      ),
    );
  const base = outlier.number("base_ejection_time") ?? 30_000;
  return {
    ...usual,
    enabled: true,
    consecutiveErrors: errorsOf(outlier, mapping),
    base,
    max: Math.max(base, outlier.number("max_ejection_time") ?? 300_000),
    maxPercent: outlier.number("max_ejection_percent") ?? 10,
    ...(outlier.flag("always_eject_one_host") !== true && { oneAtLeast: false }),
    successRate: enforces(outlier, "enforcing_success_rate", 100, mapping)
      ? {
          minBackends: outlier.number("success_rate_minimum_hosts") ?? 5,
          minRequests: outlier.number("success_rate_request_volume") ?? 100,
          deviations: (outlier.number("success_rate_stdev_factor") ?? 1_900) / 1_000,
        }
      : undefined,
    ...(enforces(outlier, "enforcing_failure_percentage", 0, mapping) && {
      failureRate: {
        percent: outlier.number("failure_percentage_threshold") ?? 85,
        minBackends: outlier.number("failure_percentage_minimum_hosts") ?? 5,
        minRequests: outlier.number("failure_percentage_request_volume") ?? 50,
      },
    }),
  };
}

/** So many failures in a row never come. */
const never = 2 ** 31 - 1;

/** The smallest of the counts that are enforced: umay counts 502, 503, 504 and failures of connections as one. */
function errorsOf(outlier: Node, mapping: Mapping): number {
  const counts = [
    ["consecutive_5xx", "enforcing_consecutive_5xx", 100],
    ["consecutive_gateway_failure", "enforcing_consecutive_gateway_failure", 0],
  ] as const;
  const enforced = counts.filter(([, key, usual]) => enforces(outlier, key, usual, mapping));
  return Math.min(never, ...enforced.map(([key]) => outlier.number(key) ?? 5).filter((count) => count > 0));
}

/** Whether a kind of ejection is carried out. */
function enforces(outlier: Node, key: string, usual: number, { report }: Mapping): boolean {
  const percent = outlier.number(key) ?? usual;
  if (percent > 0 && percent < 100)
    report(warningAt(outlier.at(key), "counts as 100: it is enforced or it is not"));
  return percent > 0;
}
