import { jsonText, plainText } from "../../../admin/envoy.ts";
import type { Answer } from "../../../admin/send.ts";
import { listenerCell, requestOutcomeList, sumCells } from "../../../channel/counters.ts";
import { formatAddress } from "../../../lib/address.ts";
import { Items } from "../../../lib/long-json.ts";
import { inPieces } from "../../../lib/long-text.ts";
import { loadRegexes, RegexError } from "../../../lib/regex.ts";
import { Slices } from "../../../lib/slices.ts";
import { requestReasons } from "../../../model/reasons.ts";
import type { PlacedListener } from "../../../model/snapshot.ts";
import type { EnvoyView } from "../../../providers/provider.ts";
import { openOnListener, speakingHttp } from "../../state/counts.ts";
import type { MetricsInput } from "../readings.ts";
import type { PoolStatus } from "../status/pools.ts";
import { readStatus, type TellingStatus } from "../status/status.ts";

/** The label of a thing's name in Envoy's metrics, by the begin of its statistics' names. */
const labels = {
  cluster: "envoy_cluster_name",
  listener: "envoy_listener_address",
  http: "envoy_http_conn_manager_prefix",
} as const;

/** A statistic of Envoy's. */
interface Stat {
  /** `cluster`, or with a dot that of a part that has no name of its own: `server`, `cluster_manager.cds`. */
  readonly scope: string;
  /** The thing that it is about; undefined: the process. */
  readonly of?: string;
  readonly key: string;
  readonly value: number;
  readonly type: "counter" | "gauge";
}

/**
 * Statistics that umay counts, too, under Envoy's names. Those of a thing are together, and others have their turns between.
 * @param wanted whether one is told.
 */
export async function readStats(
  input: MetricsInput,
  envoy: EnvoyView,
  wanted: (stat: Stat) => boolean = () => true,
): Promise<readonly (readonly Stat[])[]> {
  const slices = new Slices();
  const found: (readonly Stat[])[] = [];
  for (const stats of groups(input, envoy, await readStatus(input))) {
    const some = stats.filter(wanted);
    if (some.length > 0) found.push(some);
    await slices.next();
  }
  return found;
}

function* groups(input: MetricsInput, envoy: EnvoyView, status: TellingStatus): Generator<readonly Stat[]> {
  const { listeners, pools } = input.snapshot();
  const live = { ready: 0, draining: 1, starting: 3, unready: 3 }[status.state];
  yield group("server", undefined, "gauge", {
    live: status.state === "ready" ? 1 : 0,
    state: live,
    uptime: Math.floor(status.uptime_seconds),
    concurrency: input.memories.length,
    total_connections: status.connections,
  });
  yield group("cluster_manager", undefined, "gauge", { active_clusters: pools.length });
  yield group("listener_manager", undefined, "gauge", { total_listeners_active: listeners.length });
  const own = [...envoy.stats()].map(([name, { value, type }]): Stat => {
    const dot = name.lastIndexOf(".");
    return { scope: name.slice(0, dot), key: name.slice(dot + 1), value, type };
  });
  yield* Map.groupBy(own, ({ scope }) => scope).values();
  for (const [name, pool] of status.pools.each()) yield clusterStats(name, pool);
  for (const listener of listeners) yield listenerStats(input, listener);
  for (const listener of speakingHttp({ listeners })) yield httpStats(input, listener);
}

const group = (
  scope: string,
  of: string | undefined,
  type: Stat["type"],
  values: Readonly<Record<string, number>>,
): Stat[] =>
  Object.entries(values).map(([key, value]) => ({
    scope,
    ...(of !== undefined && { of }),
    key,
    value,
    type,
  }));

function clusterStats(name: string, { backends, queue, retries_total }: PoolStatus): readonly Stat[] {
  const sum = (value: (backend: PoolStatus["backends"][number]) => number): number =>
    backends.reduce((total, backend) => total + value(backend), 0);
  return [
    ...group("cluster", name, "counter", {
      upstream_cx_total: sum((backend) => backend.connections_total),
      upstream_cx_connect_fail: sum((backend) => backend.connect_failures_total),
      upstream_cx_tx_bytes_total: sum((backend) => backend.sent_bytes_total),
      upstream_cx_rx_bytes_total: sum((backend) => backend.received_bytes_total),
      upstream_rq_retry: retries_total,
    }),
    ...group("cluster", name, "gauge", {
      upstream_cx_active: sum((backend) => backend.connections),
      upstream_rq_pending_active: queue.sessions,
      membership_total: backends.length,
      membership_healthy: sum((backend) => (backend.state === "up" ? 1 : 0)),
    }),
  ];
}

function listenerStats({ memories }: MetricsInput, listener: PlacedListener): readonly Stat[] {
  const [address] = listener.addresses;
  const name = (address === undefined ? listener.name : formatAddress(address)).replaceAll(":", "_");
  const { counters } = listener;
  return [
    ...group("listener", name, "counter", {
      downstream_cx_total: sumCells(memories, counters + listenerCell.accepted),
    }),
    ...group("listener", name, "gauge", { downstream_cx_active: openOnListener(memories, listener) }),
  ];
}

function httpStats({ memories }: MetricsInput, { name, counters }: PlacedListener): readonly Stat[] {
  const counts: Record<string, number> = { downstream_rq_total: 0 };
  for (const hundred of [1, 2, 3, 4, 5]) counts[`downstream_rq_${hundred}xx`] = 0;
  for (const [index, outcome] of requestOutcomeList.entries()) {
    const count = sumCells(memories, counters + listenerCell.requests + index);
    const hundred = /^[1-5]xx$/.test(outcome) ? outcome[0] : hundredOf(outcome);
    counts["downstream_rq_total"]! += count;
    if (hundred !== undefined) counts[`downstream_rq_${hundred}xx`]! += count;
  }
  return group("http", name, "counter", counts);
}

/** The class of the status that umay answers for a reason of its own; undefined: it answers none. */
function hundredOf(reason: string): string | undefined {
  const { status } = requestReasons[reason as keyof typeof requestReasons];
  return status >= 100 ? String(status)[0] : undefined;
}

const nameOf = ({ scope, of, key }: Stat): string => [scope, of, key].filter(Boolean).join(".");

/** `GET /stats`: by `filter` (a regular expression), `usedonly`, `type` and `format`, as in Envoy. */
export async function answerStats(
  input: MetricsInput,
  envoy: EnvoyView,
  query: URLSearchParams,
): Promise<Answer> {
  const wanted = [query.has("usedonly") ? ({ value }: Stat) => value !== 0 : always, await filterOf(query)];
  const refused = wanted.find((each) => typeof each === "string");
  if (refused !== undefined) return plainText(refused, 400);
  const type = { counters: "counter", gauges: "gauge" }[query.get("type")?.toLowerCase() ?? ""];
  const isWanted = (stat: Stat): boolean =>
    (type === undefined || stat.type === type) &&
    wanted.every((each) => typeof each !== "string" && each(stat));
  const found = await readStats(input, envoy, isWanted);
  const format = query.get("format") ?? "text";
  if (format === "prometheus") return plainText(inPieces(prometheusOf(found)));
  if (format === "json") {
    const told = (): Iterable<object> =>
      Iterator.from(found).flatMap((stats) =>
        stats.map((stat) => ({ name: nameOf(stat), value: stat.value })),
      );
    return jsonText({ stats: new Items(told) });
  }
  const sorted = found.map((stats) => [`${nameOf({ ...stats[0]!, key: "" })}.`, stats] as const);
  sorted.sort(([a], [b]) => (a < b ? -1 : 1));
  return plainText(inPieces(Iterator.from(sorted).map(([, stats]) => linesOf(stats))));
}

const always = (): boolean => true;

/** @returns what is wrong with it, where it can't be taken. */
async function filterOf(query: URLSearchParams): Promise<((stat: Stat) => boolean) | string> {
  const filter = query.get("filter") ?? "";
  if (filter === "") return always;
  try {
    const matches = (await loadRegexes()).whole(`(?s:.*)(?:${filter})(?s:.*)`, false);
    return (stat) => matches(nameOf(stat));
  } catch (error) {
    if (error instanceof RegexError) return `filter ${error.message}\n`;
    throw error;
  }
}

const linesOf = (stats: readonly Stat[]): string =>
  stats
    .map((stat) => `${nameOf(stat)}: ${stat.value}\n`)
    .sort()
    .join("");

/** In the text format of Prometheus: names of things are labels. */
export function* prometheusOf(found: readonly (readonly Stat[])[]): Generator<string> {
  const families = new Map<string, Stat[]>();
  for (const stat of found.flat()) {
    const name = `envoy_${stat.scope}_${stat.key}`.replaceAll(".", "_");
    const members = families.get(name);
    if (members === undefined) families.set(name, [stat]);
    else members.push(stat);
  }
  for (const [family, members] of families) {
    yield `# TYPE ${family} ${members[0]!.type}\n`;
    for (const { scope, of, value } of members) {
      const label = of === undefined ? "" : `{${labels[scope as keyof typeof labels]}="${escaped(of)}"}`;
      yield `${family}${label} ${value}\n`;
    }
  }
}

const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
