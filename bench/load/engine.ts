import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { find } from "../machine.ts";
import { type Command, capture, start, stop } from "../process.ts";
import { runH2load } from "./h2load.ts";
import type { Aim, LoadResult, LoadRun } from "./load.ts";
import { runWrk } from "./wrk.ts";

const generator = fileURLToPath(new URL("./generator.ts", import.meta.url));

/** Runs a load to its end: h2load or wrk where they can, else the project's own generator. */
export async function runLoad(run: LoadRun, cpus: string, threads = 1): Promise<LoadResult> {
  if (run.rate === undefined && run.load.connection === "kept") {
    const isHttp2 = run.load.streams !== undefined;
    if (isHttp2 && find("h2load") !== undefined) return runH2load(run, cpus, threads);
    if (!isHttp2 && find("wrk") !== undefined) return runWrk(run, cpus, threads);
  }
  return JSON.parse(await capture(generatorFor(run), cpus, run.seconds + 30)) as LoadResult;
}

/** Sessions that are open and do nothing. */
export interface IdleSessions {
  /** The result of opening them, with the failures. */
  readonly opened: LoadResult;
  /** Has each of them ask for `path`, which is never answered, so many times at once. Over HTTP/2 only. */
  hold(path: string, each: number): Promise<void>;
  /** Ends them, and gives what went wrong from first to last. */
  close(): Promise<LoadResult>;
}

/** Opens `load.clients` sessions, each with one request, and resolves when all of them idle. */
export async function openIdle(aim: Aim, cpus: string): Promise<IdleSessions> {
  const holder = start(generatorFor({ ...aim, seconds: 0, rate: undefined, idle: true }), cpus);
  const lines = createInterface({ input: holder.child.stdout! })[Symbol.asyncIterator]();
  const next = async (): Promise<LoadResult> => {
    const { value, done } = await lines.next();
    if (done !== true) return JSON.parse(value) as LoadResult;
    const said = await holder.child.stderr!.setEncoding("utf8").toArray();
    throw new Error(`the load generator ended early: ${said.join("").trim()}`);
  };
  const opened = await next();
  const hold = async (path: string, each: number): Promise<void> => {
    holder.child.stdin!.write(`${JSON.stringify({ path, each })}\n`);
    await next();
  };
  const close = async (): Promise<LoadResult> => {
    holder.child.stdin!.end();
    const closed = await next();
    await stop(holder);
    return closed;
  };
  return { opened, hold, close };
}

function generatorFor(run: LoadRun & { readonly idle?: boolean }): Command {
  return { file: process.execPath, args: [generator, JSON.stringify(run)] };
}
