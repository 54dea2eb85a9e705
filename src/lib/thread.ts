import { readFileSync } from "node:fs";
import { isSea } from "node:sea";
import { Worker, type WorkerOptions } from "node:worker_threads";

const here = import.meta.url;

/**
 * Starts a thread that runs another module of this program: `.ts` when the sources run as they are, `.js` when they were
 * built. The build rewrites imports but not URLs. Its files lie one folder deep, as this one does. Threads of the single
 * executable don't see the files in it, so there they get the module's text: the build leaves it nothing to import.
 * @param path from `src/` or `dist/`, without extension: `data/worker`.
 */
export function startThread(path: string, options: WorkerOptions): Worker {
  const url = new URL(`../${path}${here.slice(here.lastIndexOf("."))}`, here);
  return isSea()
    ? new Worker(readFileSync(url, "utf8"), { ...options, eval: true })
    : new Worker(url, options);
}
