import type { MetricsInput } from "../readings.ts";
import type { Sample } from "./samples.ts";

const states = ["waiting", "valid", "due", "failing"] as const;

/** Metrics of certificates that umay gets over ACME; none where it gets none. */
export const acmeCollectors = {
  umay_acme_certificates: ({ acme }: MetricsInput): readonly Sample[] => {
    const reading = acme();
    if (reading === undefined) return [];
    return states.map((state) => ({
      labels: { state },
      value: reading.states.filter((each) => each.state === state).length,
    }));
  },
  umay_acme_next_attempt_timestamp_seconds: ({ acme }: MetricsInput): readonly Sample[] =>
    (acme()?.states ?? []).flatMap(({ name, next }) =>
      next === undefined ? [] : [{ labels: { name }, value: next / 1000 }],
    ),
  umay_acme_orders_total: ({ acme }: MetricsInput): readonly Sample[] =>
    Object.entries(acme()?.counts ?? {}).map(([result, value]) => ({ labels: { result }, value })),
};
