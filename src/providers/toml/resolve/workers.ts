import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path/posix";

type ReadFile = (file: string) => string;

/** Number of CPUs that this process may use by its affinity and its cgroup's quota. At least 1. */
export function usableCpus(
  available: number = availableParallelism(),
  read: ReadFile = (file) => readFileSync(file, "utf8"),
): number {
  return Math.max(1, Math.min(available, Math.ceil(cpuQuota(read))));
}

/** CPUs that the cgroups of this process allow: the smallest quota up to the root; Infinity without one. */
function cpuQuota(read: ReadFile): number {
  const lines = attempt(() => read("/proc/self/cgroup"))?.split("\n") ?? [];
  const quotas = lines.flatMap((line) => {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (line.startsWith("0::"))
      return quotasUpwards(path, (group) => quotaV2(join("/sys/fs/cgroup", group), read));
    if (!controllers.split(",").includes("cpu")) return [];
    return quotasUpwards(path, (group) => quotaV1(join("/sys/fs/cgroup/cpu", group), read));
  });
  return Math.min(...quotas);
}

function quotasUpwards(path: string, quota: (group: string) => number): number[] {
  const above = path === "/" ? [] : quotasUpwards(dirname(path), quota);
  return [quota(path), ...above];
}

/** `cpu.max` holds "max 100000" or "150000 100000": microseconds a period, and the period. */
function quotaV2(folder: string, read: ReadFile): number {
  const [quota, period] = (attempt(() => read(join(folder, "cpu.max"))) ?? "").trim().split(" ");
  return ratio(quota, period);
}

function quotaV1(folder: string, read: ReadFile): number {
  return ratio(
    attempt(() => read(join(folder, "cpu.cfs_quota_us"))),
    attempt(() => read(join(folder, "cpu.cfs_period_us"))),
  );
}

function ratio(quota: string | undefined, period: string | undefined): number {
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

/** Undefined where a file can't be read: not every system and container has these files. */
function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
