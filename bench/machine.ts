import { execFileSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, release, totalmem, type } from "node:os";
import { delimiter, join } from "node:path";

/** The facts about a machine on which the numbers of a run depend. */
export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  /** The CPU that the proxies have, by its number. */
  readonly proxyCpus: readonly number[];
  /** The CPUs that backend and load generator have: the others that this process may use, if there are any. */
  readonly loadCpus: readonly number[];
  readonly memoryMiB: number;
  /** The Node that runs the benchmark and its load generator. */
  readonly node: string;
  readonly openssl: string;
  /** Open files that one process may have. */
  readonly fileLimit: number;
}

export function describeMachine(): Machine {
  const [first = 0, ...rest] = allowedCpus();
  return {
    kernel: `${type()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    proxyCpus: [first],
    loadCpus: rest.length > 0 ? rest : [first],
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    node: process.versions.node,
    openssl: process.versions.openssl,
    fileLimit: fileLimit(),
  };
}

/** Keeps this process, and what it starts without saying otherwise, off the proxy's core. */
export function pinSelf(cpus: readonly number[]): void {
  execFileSync("taskset", ["--pid", "--cpu-list", cpus.join(","), String(process.pid)], { stdio: "pipe" });
}

/**
 * The path of an executable on PATH or in the folders of system daemons, which a user's PATH often lacks. A path is taken
 * as it is.
 */
export function find(program: string): string | undefined {
  if (program.includes("/")) return isExecutable(program) ? program : undefined;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The first line of a program's output on either stream that matches, or undefined when the program is not
 * installed. Some programs print their version on standard error and some fail while they do.
 */
export function versionOf(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  const path = find(program);
  if (path === undefined) return undefined;
  const command = [path, ...args].map((word) => `'${word}'`).join(" ");
  const output = execFileSync("sh", ["-c", `${command} 2>&1 || true`], { encoding: "utf8", timeout: 10_000 });
  const match = pattern.exec(output);
  return match?.[1] ?? match?.[0] ?? "unknown";
}

/** The version of the Node at a path, without a leading "v". */
export function nodeVersion(node: string): string {
  return execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).trim();
}

/** Every port that is handed out lies below the range that the kernel takes source ports from. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await canListen(port)) return port;
  }
  throw new Error("no free port found between 20000 and 30000");
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Node raises its own soft limit to the hard one, and everything that it starts inherits that. */
function fileLimit(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
