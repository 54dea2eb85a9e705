import { warningAt } from "../../../lib/findings.ts";
import type { EjectionChance, OutlierSpec } from "../../../model/health.ts";
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
  const success = enforced(outlier, "enforcing_success_rate", 100);
  const failure = enforced(outlier, "enforcing_failure_percentage", 0);
  const base = outlier.number("base_ejection_time") ?? 30_000;
  return {
    ...usual,
    enabled: true,
    ...rowOf(outlier, mapping),
    base,
    max: Math.max(base, outlier.number("max_ejection_time") ?? 300_000),
    maxPercent: outlier.number("max_ejection_percent") ?? 10,
    ...(outlier.flag("always_eject_one_host") !== true && { oneAtLeast: false }),
    successRate: success && {
      minBackends: outlier.number("success_rate_minimum_hosts") ?? 5,
      minRequests: outlier.number("success_rate_request_volume") ?? 100,
      deviations: (outlier.number("success_rate_stdev_factor") ?? 1_900) / 1_000,
      ...success,
    },
    ...(failure && {
      failureRate: {
        percent: outlier.number("failure_percentage_threshold") ?? 85,
        minBackends: outlier.number("failure_percentage_minimum_hosts") ?? 5,
        minRequests: outlier.number("failure_percentage_request_volume") ?? 50,
        ...failure,
      },
    }),
  };
}

/** So many failures in a row never come. */
const never = 2 ** 31 - 1;

/** The smallest of the counts that are enforced: umay counts 502, 503, 504 and failures of connections as one. */
function rowOf(outlier: Node, { report }: Mapping): Pick<OutlierSpec, "consecutiveErrors"> & EjectionChance {
  const counts = (
    [
      ["consecutive_5xx", "enforcing_consecutive_5xx", 100],
      ["consecutive_gateway_failure", "enforcing_consecutive_gateway_failure", 0],
    ] as const
  ).flatMap(([key, enforcing, usual]) => {
    const errors = outlier.number(key) ?? 5;
    const rule = enforced(outlier, enforcing, usual);
    return rule === undefined || errors === 0
      ? []
      : [{ key, errors, spared: 1 - (rule.chance ?? 100) / 100 }];
  });
  const least = Math.min(never, ...counts.map(({ errors }) => errors));
  const first = counts.filter(({ errors }) => errors === least);
  // Envoy draws for each of them.
  const spared = first.reduce((all, each) => all * each.spared, 1);
  if (spared > 0)
    for (const { key, errors } of counts)
      if (errors > least)
        report(
          warningAt(outlier.at(key), `has no effect: the smaller count of ${least} is the one that counts`),
        );
  const chance = Math.round((1 - spared) * 10_000) / 100;
  return { consecutiveErrors: least, ...(counts.length > 0 && chance < 100 && { chance }) };
}

/** @returns undefined where a kind of ejection is not carried out. */
function enforced(outlier: Node, key: string, usual: number): EjectionChance | undefined {
  const chance = outlier.number(key) ?? usual;
  return chance === 0 ? undefined : chance < 100 ? { chance } : {};
}
