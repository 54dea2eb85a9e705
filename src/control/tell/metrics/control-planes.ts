import type { ResourceReading } from "../../../providers/provider.ts";
import type { MetricsInput } from "../readings.ts";
import type { Sample } from "./samples.ts";

/** A type of resource, with all places that send it. */
interface OfType {
  readonly type: string;
  /** Of places that have a stream. */
  readonly connected: readonly boolean[];
  readonly readings: readonly ResourceReading[];
}

function byType({ controlPlanes }: MetricsInput): readonly OfType[] {
  const places = controlPlanes() ?? [];
  const types = new Set(places.flatMap(({ kinds }) => kinds.map(({ kind }) => kind)));
  return [...types].map((type) => {
    const sending = places.filter(({ kinds }) => kinds.some(({ kind }) => kind === type));
    return {
      type,
      connected: sending.flatMap(({ connected }) => connected ?? []),
      readings: sending.flatMap(({ kinds }) => kinds.filter(({ kind }) => kind === type)),
    };
  });
}

const sumOf = (
  readings: readonly ResourceReading[],
  key: "accepted" | "rejected" | "resources" | "missing",
): number => readings.reduce((sum, reading) => sum + reading[key], 0);

/** Metrics of control planes; none where there is none. */
export const xdsCollectors = {
  umay_xds_connected: (input: MetricsInput): readonly Sample[] =>
    byType(input)
      .filter(({ connected }) => connected.length > 0)
      .map(({ type, connected }) => ({ labels: { type }, value: connected.every(Boolean) ? 1 : 0 })),
  umay_xds_updates_total: (input: MetricsInput): readonly Sample[] =>
    byType(input).flatMap(({ type, readings }) =>
      (["accepted", "rejected"] as const).map((result) => ({
        labels: { type, result },
        value: sumOf(readings, result),
      })),
    ),
  umay_xds_last_update_timestamp_seconds: (input: MetricsInput): readonly Sample[] =>
    byType(input).flatMap(({ type, readings }) => {
      const last = Math.max(...readings.map((reading) => reading.last?.at ?? 0));
      return last === 0 ? [] : [{ labels: { type }, value: last / 1000 }];
    }),
  umay_xds_resources: (input: MetricsInput): readonly Sample[] =>
    byType(input).flatMap(({ type, readings }) => [
      { labels: { type, state: "present" }, value: sumOf(readings, "resources") },
      { labels: { type, state: "missing" }, value: sumOf(readings, "missing") },
    ]),
};
