import { readdirSync, readFileSync } from "node:fs";
import { processTree, readStat } from "./process.ts";

/** The unit of /proc/PID/stat on every Linux that this runs on (`getconf CLK_TCK` = 100). */
const microsPerTick = 10_000;

/** CPU time used so far by a process and its descendants. */
export interface CpuUsage {
  /** User + system, with threads and children that have ended, in steps of a tick. */
  readonly ticksMicros: number;
  /** The same to the nanosecond, but only of the threads that live: by thread. */
  readonly threadMicros: ReadonlyMap<string, number>;
}

export function cpuUsage(root: number): CpuUsage {
  let ticks = 0;
  const byThread = new Map<string, number>();
  for (const pid of processTree(root)) {
    // utime, stime, cutime and cstime are the fields 14 to 17 of proc(5); `readStat` begins with the third.
    for (const field of readStat(pid)?.slice(11, 15) ?? []) ticks += Number(field);
    for (const [thread, { micros }] of threadMicros(pid)) byThread.set(thread, micros);
  }
  return { ticksMicros: ticks * microsPerTick, threadMicros: byThread };
}

/** CPU time so far of each thread of a process, by its number, which the main thread shares with the process. */
export function threadMicros(
  pid: number,
): ReadonlyMap<string, { readonly name: string; readonly micros: number }> {
  const threads = new Map<string, { name: string; micros: number }>();
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const read = (file: string): string => readFileSync(`/proc/${pid}/task/${task}/${file}`, "utf8");
      const [nanos = "0"] = read("schedstat").split(" ");
      threads.set(task, { name: read("comm").trim(), micros: Number(nanos) / 1000 });
    }
    return threads;
  } catch {
    return new Map(); // The process ended meanwhile, or the kernel keeps no schedstat: ticks remain.
  }
}

/**
 * CPU microseconds between two moments. The exact figure is taken unless it is further from the ticks than their
 * rounding explains: then threads came and went between the two moments, and only the ticks have counted them.
 */
export function cpuMicrosBetween(before: CpuUsage, after: CpuUsage): number {
  const ticks = after.ticksMicros - before.ticksMicros;
  let exact = 0;
  for (const [thread, micros] of after.threadMicros) exact += micros - (before.threadMicros.get(thread) ?? 0);
  return Math.abs(exact - ticks) <= 4 * microsPerTick ? exact : ticks;
}

/** Busy microseconds so far of the given CPUs, by whomever. */
export function cpusBusyMicros(cpus: readonly number[]): number {
  const lines = readFileSync("/proc/stat", "utf8").split("\n");
  return cpus.reduce((sum, cpu) => {
    // user nice system idle iowait irq softirq steal
    const fields =
      lines
        .find((line) => line.startsWith(`cpu${cpu} `))
        ?.split(" ")
        .slice(1)
        .map(Number) ?? [];
    const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
    return sum + (fields.slice(0, 8).reduce((a, b) => a + b, 0) - idle) * microsPerTick;
  }, 0);
}

/** Memory of a process and its descendants, in bytes. */
export interface Memory {
  /** Resident pages; what several processes share is counted in each. */
  readonly rss: number;
  /** Resident pages, each divided by the number of processes that share it. */
  readonly pss: number;
}

export function memoryOf(root: number): Memory {
  let rss = 0;
  let pss = 0;
  for (const pid of processTree(root)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    rss += kibibytes(rollup, "Rss");
    pss += kibibytes(rollup, "Pss");
  }
  return { rss: rss * 1024, pss: pss * 1024 };
}

function kibibytes(rollup: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
}
