import { readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";
import { isMainThread, Worker, type WorkerOptions } from "node:worker_threads";

/*
 * Modules of this program that no import names, because the build keeps them in files of their own. A module is named by
 * its path in `src/` or `dist/`, without extension: `data/worker`. It is `.ts` when the sources run as they are, and `.js`
 * when they were built. The build's files lie one folder deep, as this one does.
 */
const here = import.meta.url;
const urlOf = (path: string): URL => new URL(`../${path}${here.slice(here.lastIndexOf("."))}`, here);

/** Starts a thread that runs a module. In the single executable it gets the text, since it does not see the files there. */
export function startThread(path: string, options: WorkerOptions): Worker {
  const url = urlOf(path);
  return isSea() ? new Worker(textOf(path), { ...options, eval: true }) : new Worker(url, options);
}

const textOf = (path: string): string =>
  isMainThread ? readFileSync(urlOf(path), "utf8") : getAsset(`dist/${path}.js`, "utf8");

/** Imports a module, which may import nothing but Node's own. */
export function importModule<Module>(path: string): Promise<Module> {
  return import(isSea() && !isMainThread ? textUrl(textOf(path)) : urlOf(path).href);
}

/** The command line, program first, that runs this program with other words. */
export function ownCommand(words: readonly string[]): readonly string[] {
  const { execPath, execArgv, argv } = process;
  return isSea() ? [execPath, ...words] : [execPath, ...execArgv, argv[1]!, ...words];
}

const textUrl = (text: string): string =>
  `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
