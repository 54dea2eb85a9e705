import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that was started here and is ended here, whatever happens. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** The file that gets its standard output and standard error; undefined when they are pipes. */
  readonly log: string | undefined;
}

const running = new Set<Running>();
const folders = new Set<string>();

/** Removed at exit, like every process that `start` started. */
export function makeFolder(parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "umay-bench-"));
  folders.add(folder);
  return folder;
}

/** Ends everything at once when the benchmark ends, fails or is interrupted. */
export function installCleanup(): void {
  process.on("exit", endEverything);
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
}

function endEverything(): void {
  for (const { pid } of running) for (const member of processTree(pid)) kill(member, "SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/**
 * Starts a program on the given CPUs (in the notation of `taskset --cpu-list`).
 * Without a log file its standard streams are pipes, to talk to it.
 */
export function start(command: Command, cpus: string, log?: string): Running {
  const output = log === undefined ? undefined : openSync(log, "a");
  const child = spawn("taskset", ["--cpu-list", cpus, command.file, ...command.args], {
    stdio: output === undefined ? "pipe" : ["ignore", output, output],
    env: { ...process.env, ...command.env },
  });
  if (output !== undefined) closeSync(output);
  child.on("error", () => {}); // The missing pid says it; a later error has no one to tell.
  if (child.pid === undefined) throw new Error("taskset could not be started: install util-linux");
  const started = { pid: child.pid, child, log };
  running.add(started);
  return started;
}

/** Asks with SIGTERM, and after two seconds ends what is left of the process and its descendants. */
export async function stop(process: Running): Promise<void> {
  const tree = processTree(process.pid);
  kill(process.pid, "SIGTERM");
  for (let waited = 0; tree.some(isAlive) && waited < 2_000; waited += 20) await sleep(20);
  for (const pid of tree) if (isAlive(pid)) kill(pid, "SIGKILL");
  running.delete(process);
}

/** Runs a program to its end and gives its standard output. Rejects when it fails or takes longer than `seconds`. */
export async function capture(command: Command, cpus: string, seconds: number): Promise<string> {
  const task = start(command, cpus);
  const timer = setTimeout(() => task.child.kill("SIGKILL"), seconds * 1000);
  let output = "";
  let complaint = "";
  task.child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  task.child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    task.child.once("close", (...end) => resolve(end));
  });
  clearTimeout(timer);
  running.delete(task);
  if (code !== 0)
    throw new Error(`${command.file} ended with ${code ?? signal}: ${complaint || output}`.trim());
  return output;
}

/** Resolves with the milliseconds until the port accepted a connection. Rejects, with the log, when it does not. */
export async function accepting(process: Running, port: number, seconds = 15): Promise<number> {
  const began = performance.now();
  while (!(await canConnect(port))) {
    const waited = performance.now() - began;
    if (!isAlive(process.pid) || waited > seconds * 1000) {
      const said = process.log === undefined ? "" : readFileSync(process.log, "utf8");
      throw new Error(`nothing listens on port ${port}: ${said.trim().slice(-2000)}`);
    }
    await sleep(1);
  }
  return performance.now() - began;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", autoSelectFamily: false });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** The process and all its living descendants. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? parentOf(pid) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** The fields of /proc/PID/stat from the third (state) on, or undefined when the process is gone. */
export function readStat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number | undefined {
  const parent = readStat(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

export function isAlive(pid: number): boolean {
  const state = readStat(pid)?.[0];
  return state !== undefined && state !== "Z";
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
