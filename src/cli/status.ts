import type { BackendStatus, Status } from "../control/tell/status.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { duration, plural } from "./words.ts";

export interface StatusOptions extends AdminChoice {
  /** Whether to print the JSON of `/status`. */
  readonly json?: true;
}

/** `umay status`: the state of a running umay, as tables for people or as the JSON of `/status`. */
export function status({ json, ...choice }: StatusOptions): Promise<number> {
  return withAdmin<Status>(choice, { path: "/status" }, (answer) => {
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : formatStatus(answer));
  });
}

/** Exported for tests. */
export function formatStatus(status: Status): string {
  const { version, pid, state, uptime_seconds: uptime, generation, workers, listeners, pools } = status;
  const silent = workers.filter((worker) => worker.state === "silent").map(({ id }) => id);
  const trouble = silent.length === 0 ? "" : `, without a sign of life from ${silent.join(", ")}`;
  const head = `umay ${version} is ${state}: process ${pid}, up ${duration(uptime)}, generation ${generation}, ${plural(workers.length, "worker")}${trouble}`;
  const listenerRows = Object.entries(listeners).map(([name, listener]) => [
    name,
    listener.bind,
    listener.mode,
    String(listener.connections),
    String(listener.connections_total),
  ]);
  const backendRows = Object.entries(pools).flatMap(([name, { backends }]) =>
    backends.length === 0
      ? [[name, "none", "", "", "", "", ""]]
      : backends.map((backend) => [name, ...backendCells(backend)]),
  );
  const failing = Object.entries(pools).flatMap(([name, { discovery }]) =>
    discovery.error === null ? [] : [`pool ${name}: discovery fails: ${discovery.error}`],
  );
  const parts = [
    head,
    table(["LISTENER", "BIND", "MODE", "#OPEN", "#TOTAL"], listenerRows),
    table(["POOL", "BACKEND", "STATE", "#WEIGHT", "#OPEN", "#TOTAL", "#FAILED"], backendRows),
    failing.join("\n"),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function backendCells(backend: BackendStatus): string[] {
  const { address, weight, connections, connections_total: total, connect_failures_total: failed } = backend;
  return [address, stateText(backend), ...[weight, connections, total, failed].map(String)];
}

/** `draining, removed, reset in 12 s` */
function stateText({ state, drain, connections }: BackendStatus): string {
  if (drain === null) return state;
  const cause = drain.by === "hand" ? [] : ["removed"];
  const deadline = drain.deadline_seconds;
  const end = deadline === null || connections === 0 ? [] : [`reset in ${duration(deadline)}`];
  return [state, ...cause, ...end].join(", ");
}

/** Columns two blanks apart. A column whose title begins with # has numbers and is aligned to the right. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const toTheRight = titles.map((title) => title.startsWith("#"));
  const lines = [titles.map((title) => title.replace("#", "")), ...rows];
  const widths = titles.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => pad(cell, widths[column]!, toTheRight[column]!)).join("  ");
  return lines.map((cells) => line(cells).trimEnd()).join("\n");
}

const pad = (cell: string, width: number, right: boolean): string =>
  right ? cell.padStart(width) : cell.padEnd(width);
