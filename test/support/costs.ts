import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { isMainThread } from "node:worker_threads";

/** Names the file that test processes add their costs to, see `run.ts --costs`. */
const variable = "TEST_COSTS";
/** A clock tick of /proc, in seconds. */
const tick = 0.01;

/** CPU seconds, user's and system's. */
interface Cost {
  readonly path: string;
  readonly own: number;
  /** Of the child processes that have ended, and theirs. */
  readonly children: number;
}

export function countCosts(file: string): void {
  process.env[variable] = file;
}

/** Notes what this process and its children took until now, if that is asked for (proc_pid_stat(5)). Threads are in it. */
export function noteCost(): void {
  const file = process.env[variable];
  if (file === undefined || !isMainThread) return;
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)!.split(" ");
  const [user = 0, system = 0, usersOfChildren = 0, systemsOfChildren = 0] = fields
    .slice(11, 15)
    .map((ticks) => Number(ticks) * tick);
  const path = process.argv[1]!;
  const cost: Cost = { path, own: user + system, children: usersOfChildren + systemsOfChildren };
  appendFileSync(file, `${JSON.stringify(cost)}\n`);
}

/** Lines for people: the sum, then each test file, the dearest first. */
export function costTable(file: string, root: string): string {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const costs = lines.map((line) => JSON.parse(line) as Cost);
  const sum: Cost = {
    path: "all",
    own: costs.reduce((total, { own }) => total + own, 0),
    children: costs.reduce((total, { children }) => total + children, 0),
  };
  const row = ({ path, own, children }: Cost): string =>
    [own + children, own, children].map((seconds) => seconds.toFixed(2).padStart(8)).join("") +
    `  ${path === sum.path ? path : relative(root, path)}`;
  costs.sort((a, b) => b.own + b.children - a.own - a.children);
  return ["CPU seconds: all, own, of children", ...[sum, ...costs].map(row)].join("\n");
}
