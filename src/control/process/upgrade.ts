import { spawn } from "node:child_process";
import type { Outcome } from "../../admin/actions.ts";
import { ownCommand } from "../../lib/own-modules.ts";
import type { Yielding } from "./yielding.ts";

/** How long the answer waits for the new umay to serve, in milliseconds. */
const patience = 25_000;

/** The answer to `POST /upgrade`. */
export interface UpgradeAnswer {
  /** The process that serves now. */
  readonly pid: number;
  /** The one that it has taken over from, and that drains. */
  readonly drains: number;
}

/**
 * Starts the program that is installed now, and lets it take over from this process.
 * @param words its command line; undefined: its configuration can't be read again.
 * @returns when it serves; or when it does not, and this process goes on.
 */
export async function upgrade(
  words: readonly string[] | undefined,
  yielding: Pick<Yielding, "obstacle" | "replaced">,
): Promise<Outcome> {
  if (words === undefined)
    return failure("the configuration came from standard input, which can't be read again");
  const { obstacle } = yielding;
  if (obstacle !== undefined) return failure(obstacle);
  // The end of a container's first process is the end of all others.
  if (process.pid === 1) return failure("umay is the first process of its container; start a new container");
  const [program, ...args] = ownCommand(words);
  // systemd names the process that its watchdog is about; from now on that is another one.
  const { WATCHDOG_PID: _, ...env } = process.env;
  const child = spawn(program!, args, { stdio: ["ignore", "inherit", "inherit"], env });
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  child.once("error", ({ message }) => fail(`the new umay could not be started: ${message}`));
  child.once("exit", (code, signal) =>
    fail(`the new umay, process ${child.pid}, ended with ${signal ?? code}; it says why where the log goes`),
  );
  const late = `the new umay, process ${child.pid}, does not serve after ${patience / 1000} s; it may yet take over`;
  const timer = setTimeout(fail, patience, late);
  const outcome = await Promise.race([yielding.replaced, failed]);
  clearTimeout(timer);
  if (typeof outcome === "string") return failure(outcome);
  return { status: 200, body: { pid: outcome, drains: process.pid } satisfies UpgradeAnswer };
}

const failure = (error: string): Outcome => ({ status: 409, body: { error } });
