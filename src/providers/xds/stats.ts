import type { ControlPlaneReading, EnvoyView } from "../provider.ts";
import type { Carrier } from "./carrier.ts";
import { kindNames } from "./resources.ts";

/** Refusals of a kind that are told. */
const mostRefusals = 20;

/** How it stands with each place that resources come from. */
export const readingsOf = (places: ReadonlyMap<string, Carrier>): readonly ControlPlaneReading[] =>
  [...places].map(([place, { resources, connected, server }]) => ({
    place,
    server,
    connected,
    kinds: kindNames.flatMap((kind) => {
      const of = resources.get(kind);
      if (of === undefined) return [];
      const { good, refused, wanted, counts, last } = of;
      return {
        kind,
        accepted: counts.good,
        rejected: counts.refused,
        last,
        resources: good.size,
        missing: [...wanted].filter((name) => !good.has(name)).length,
        refused: [...refused].slice(0, mostRefusals).map(([name, { reason }]) => ({ name, reason })),
      };
    }),
  }));

/** Counts of updates by the names of Envoy's statistics. */
export function statsOf(places: ReadonlyMap<string, Carrier>): ReturnType<EnvoyView["stats"]> {
  const carriers = [...places.values()];
  const stats = new Map<string, { readonly value: number; readonly type: "counter" | "gauge" }>();
  for (const [kind, name] of [
    ["cluster", "cluster_manager.cds"],
    ["listener", "listener_manager.lds"],
  ] as const) {
    const counts = carriers.flatMap(({ resources }) => resources.get(kind)?.counts ?? []);
    const [good, refused] = [sum(counts.map((each) => each.good)), sum(counts.map((each) => each.refused))];
    const count = (key: string, value: number): unknown =>
      stats.set(`${name}.update_${key}`, { value, type: "counter" });
    count("attempt", good + refused);
    count("success", good);
    count("rejected", refused);
  }
  const streams = carriers.flatMap(({ connected }) => connected ?? []);
  const value = streams.length > 0 && streams.every(Boolean) ? 1 : 0;
  return stats.set("control_plane.connected_state", { value, type: "gauge" });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
