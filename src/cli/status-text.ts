import type { BackendStatus } from "../control/tell/status/pools.ts";
import type { Status } from "../control/tell/status/status.ts";
import { acmeTable } from "./acme-text.ts";
import { table } from "./table.ts";
import { duration, plural } from "./words.ts";
import { controlPlaneTable } from "./xds-text.ts";

/**
 * The state of a umay for people: its listeners and pools as tables, and its troubles.
 * @param wide whether columns are shown that few people need.
 */
export function formatStatus(status: Status, { wide }: { readonly wide: boolean }): string {
  const failing = Object.entries(status.pools).flatMap(([name, { discovery, backends, fails_open }]) => [
    ...(fails_open && backends.length > 0
      ? [`pool ${name}: too few backends are up, so all of them are tried (panic_threshold)`]
      : []),
    ...(discovery.error === null ? [] : [`pool ${name}: discovery fails: ${discovery.error}`]),
  ]);
  const parts = [
    headOf(status),
    listenerTable(status, wide),
    backendTable(status, wide),
    acmeTable(status.acme),
    controlPlaneTable(status.control_planes),
    failing.join("\n"),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function headOf(status: Status): string {
  const { version, pid, state, reason, uptime_seconds: uptime, generation, workers } = status;
  const why = reason === null || reason === state ? "" : ` (${reason})`;
  const silent = workers.filter((worker) => worker.state === "silent").map(({ id }) => id);
  const facts = [
    `process ${pid}`,
    `up ${duration(uptime)}`,
    `generation ${generation}`,
    plural(workers.length, "worker"),
    ...(silent.length === 0 ? [] : [`without a sign of life from ${silent.join(", ")}`]),
    `${status.connections} of ${plural(status.connections_limit, "connection")}`,
  ];
  return `umay ${version} is ${state}${why}: ${facts.join(", ")}`;
}

function listenerTable({ listeners }: Status, wide: boolean): string {
  const rows = Object.entries(listeners).map(([name, listener]) => [
    name,
    listener.bind,
    listener.mode,
    String(listener.connections),
    limitText(listener.connections_limit),
    String(listener.connections_total),
    wide ? spread(listener.handshake_seconds) : "",
    wide ? spread(listener.session_seconds) : "",
  ]);
  const titles = [
    "LISTENER",
    "BIND",
    "MODE",
    "#OPEN",
    "#LIMIT",
    "#TOTAL",
    "#HANDSHAKE P50/P99",
    "#SESSION P50/P99",
  ];
  return table(titles, rows);
}

function backendTable({ pools }: Status, wide: boolean): string {
  const rows = Object.entries(pools).flatMap(([name, pool]) => {
    const its = wide ? [pool.picker, spread(pool.connect_seconds)] : ["", ""];
    return pool.backends.length === 0
      ? [[name, "none", "", "", "", "", "", "", "", "", "", ...its]]
      : pool.backends.map((backend) => [name, ...backendCells(backend), ...its]);
  });
  const titles = [
    "POOL",
    "BACKEND",
    "TIER",
    "STATE",
    "SINCE",
    "#WEIGHT",
    "#OPEN",
    "#LIMIT",
    "#TOTAL",
    "#FAILED",
    "WHY",
  ];
  return table([...titles, "PICKER", "#CONNECT P50/P99"], rows);
}

function backendCells(backend: BackendStatus): string[] {
  const { address, tier, since, weight, weight_percent: percent, connections, cause } = backend;
  return [
    address,
    tier === 0 ? "" : `backup ${tier}`,
    stateText(backend),
    since === null ? "" : `${duration(Math.max(0, (Date.now() - Date.parse(since)) / 1000))} ago`,
    percent === 100 ? String(weight) : `${weight} at ${percent} %`,
    String(connections),
    limitText(backend.connections_limit),
    String(backend.connections_total),
    String(backend.connect_failures_total),
    backend.state === "up" ? "" : (cause ?? ""),
  ];
}

/** `draining, reset in 12 s`, `ejected, 30 s left` */
function stateText({ state, drain, connections, until }: BackendStatus): string {
  if (drain !== null) {
    const deadline = drain.deadline_seconds;
    return deadline === null || connections === 0 ? state : `${state}, reset in ${duration(deadline)}`;
  }
  if (until === null) return state;
  return `${state}, ${duration(Math.max(0, (Date.parse(until) - Date.now()) / 1000))} left`;
}

const limitText = (limit: number | null): string => (limit === null ? "" : String(limit));

function spread(times: { readonly p50: number | null; readonly p99: number | null } | null): string {
  if (times === null || times.p50 === null || times.p99 === null) return "";
  const ms = (seconds: number): string => `${Number((seconds * 1000).toPrecision(3))} ms`;
  return `${ms(times.p50)} / ${ms(times.p99)}`;
}
