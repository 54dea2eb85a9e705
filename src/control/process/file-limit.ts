import { readdir, readFile } from "node:fs/promises";

/** Files kept free for backends' names, certificates, the admin server and what else is short-lived. */
const reserve = 64;
/** A session has its client's socket and its backend's. */
const filesPerSession = 2;
const unlimited = 2 ** 31 - 1;

export interface FileLimit {
  /** Most files that the process may have open; undefined where the system does not say. */
  readonly limit: number | undefined;
  /** Most connections that this leaves room for. */
  readonly connections: number;
}

/**
 * How many sessions fit under the limit on open files (RLIMIT_NOFILE). Above it the kernel would still complete
 * connections, and Node would close them without a word.
 */
export async function readFileLimit(): Promise<FileLimit> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) return { limit: undefined, connections: unlimited };
  const limit = Number(soft);
  const room = limit - (await countOpenFiles()) - reserve;
  return { limit, connections: Math.max(1, Math.floor(room / filesPerSession)) };
}

/** Files that the process has open now; 0 where the system does not say. */
export async function countOpenFiles(): Promise<number> {
  return (await readdir("/proc/self/fd").catch(() => [])).length;
}
