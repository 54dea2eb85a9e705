import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { endWithTest } from "./end-with-test.ts";

export const projectRoot: string = resolve(import.meta.dirname, "../..");
const checkout = [process.execPath, resolve(projectRoot, "bin/umay.js")];

export interface RunOptions {
  readonly cwd?: string;
  /** Besides PATH and HOME; nothing else is inherited, so that a developer's UMAY_ variables change no test. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Instead of Node and this checkout's `bin/umay.js`. */
  readonly program?: readonly string[];
}

export interface Finished {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started `bin/umay.js`; `dist/` must be built. */
export interface StartedCommand extends Disposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves with the first match in standard output so far or to come; rejects when the process ends without one. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when the process has ended and its output was read. */
  readonly finished: Promise<Finished>;
}

export function startCommand(args: readonly string[], options: RunOptions = {}): StartedCommand {
  const { PATH = "", HOME = "" } = process.env;
  const [file = "", ...before] = options.program ?? checkout;
  const child = endWithTest(
    spawn(file, [...before, ...args], {
      cwd: options.cwd ?? projectRoot,
      env: { PATH, HOME, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    }),
  );
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    child,
    finished,
    async seen(pattern) {
      const ended = finished.then(() => {
        const match = pattern.exec(stdout);
        if (match !== null) return match;
        throw new Error(`ended without ${pattern}:\n${stdout}\n${stderr}`);
      });
      for (;;) {
        const match = pattern.exec(stdout);
        if (match !== null) return match;
        const more = await Promise.race([once(child.stdout, "data").then(() => undefined), ended]);
        if (more !== undefined) return more;
      }
    },
    [Symbol.dispose]: () => {
      child.kill("SIGKILL");
    },
  };
}

/** Runs `bin/umay.js` to its end. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  using started = startCommand(args, options);
  return await started.finished;
}
