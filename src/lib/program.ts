import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { mebibyte } from "./read-file.ts";

/** A program that is run once. */
export interface ProgramRun {
  /** Its file, and the arguments that it gets. */
  readonly command: readonly string[];
  /** All of its variables but `PATH`, which has the usual folders where it is not there. */
  readonly environment: Readonly<Record<string, string>>;
  /** Time that it may take, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** A program that writes more than this is ended, in bytes. */
const mostOutput = mebibyte;
/** The end of the output is kept for its last line, in bytes. */
const keptOutput = 4096;

/**
 * Runs a program until it has ended, without a shell and in the root folder, and reads what it writes. It has a group of
 * processes of its own, which is killed as a whole where it takes too long, writes too much, or `signal` aborts.
 * @throws Error whose message begins with the program's name, and has the last line that it wrote.
 */
export async function runProgram({ command, environment, timeout, signal }: ProgramRun): Promise<void> {
  const [file = "", ...args] = command;
  const fault = await new Promise<string | undefined>((resolve) => {
    if (signal.aborted) return resolve("was not started");
    const child = spawn(file, args, {
      cwd: "/",
      env: { PATH: usualPath, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const output = new Output(child);
    const end = (cause: string | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve(cause === undefined ? undefined : cause + output.lastLine);
    };
    const kill = (cause: string): void => {
      killGroup(child);
      end(cause);
    };
    const abort = (): void => kill("was ended early");
    const timer = setTimeout(() => kill(`did not end within ${timeout / 1000} s`), timeout);
    signal.addEventListener("abort", abort, { once: true });
    output.onFlood = () => kill(`wrote more than ${mostOutput} bytes`);
    child.once("error", (error) => end(`can't be started: ${error.message}`));
    child.once("close", (status, by) =>
      end(status === 0 ? undefined : by === null ? `ended with status ${status}` : `was ended by ${by}`),
    );
  });
  if (fault !== undefined) throw new Error(`${basename(file)} ${fault}`);
}

/** A process that left the group may go on; nothing that it writes is read. */
function killGroup(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  try {
    // Without a pid it was never started.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // All of it has ended meanwhile.
  }
}

/** The output of a program, to whichever of its two streams. */
class Output {
  onFlood: () => void = () => {};
  #length = 0;
  #end = Buffer.alloc(0);

  constructor({ stdout, stderr }: ChildProcess) {
    for (const stream of [stdout, stderr]) stream?.on("data", (chunk: Buffer) => this.#add(chunk));
  }

  /** As the end of a sentence; empty where it wrote nothing. */
  get lastLine(): string {
    const line = this.#end
      .toString("utf8")
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1)!;
    return line === "" ? "" : `: ${line}`;
  }

  #add(chunk: Buffer): void {
    this.#length += chunk.length;
    this.#end = Buffer.concat([this.#end, chunk]).subarray(-keptOutput);
    if (this.#length > mostOutput) this.onFlood();
  }
}
