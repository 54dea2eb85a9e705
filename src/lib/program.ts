import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { mebibyte } from "./read-file.ts";

/** A program that is run once. */
export interface ProgramRun {
  /** Its file, and the arguments that it gets. */
  readonly command: readonly string[];
  /** All of its variables but `PATH`, which has the usual folders where it is not there. */
  readonly environment: NodeJS.ProcessEnv;
  /** The folder that it runs in; undefined: the root. */
  readonly folder?: string;
  /** Time that it may take, in milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** A program that writes more than this is ended, in bytes; undefined: a mebibyte. */
  readonly mostOutput?: number;
  /** Whether its output is nobody else's business: errors have its last complaint alone. Undefined: no. */
  readonly isSecret?: boolean;
}

const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** The end of what it writes is kept for its last line, in bytes. */
const keptEnd = 4096;

/** The time after a program's end within which its output is read to its end, in milliseconds. */
const lastWords = 250;

/** The way in which a program failed. */
interface Fault {
  readonly message: string;
  readonly cause?: Error;
}

/**
 * Runs a program until it has ended, without a shell, and reads what it writes. It has a group of processes of its own, which is
 * killed as a whole where it takes too long, writes too much, or `signal` aborts. A process that it leaves behind goes on.
 * @returns its output. @throws Error whose message begins with the program's name, and has the last line that it wrote.
 */
export async function runProgram(run: ProgramRun): Promise<string> {
  const { command, environment, folder = "/", timeout, signal, mostOutput = mebibyte } = run;
  const [file = "", ...args] = command;
  const ended = await new Promise<string | Fault>((resolve) => {
    if (signal?.aborted) return resolve({ message: "was not started" });
    const child = spawn(file, args, {
      cwd: folder,
      env: { PATH: usualPath, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const output = new Output(child, mostOutput, run.isSecret === true);
    const end = (fault?: string, cause?: Error): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve(
        fault === undefined ? output.text : { message: fault + output.lastLine, ...(cause && { cause }) },
      );
    };
    const kill = (fault: string): void => {
      killGroup(child);
      end(fault);
    };
    const abort = (): void => kill("was ended early");
    const timer = setTimeout(() => kill(`did not end within ${timeout / 1000} s`), timeout);
    signal?.addEventListener("abort", abort, { once: true });
    output.onFlood = () => kill(`wrote more than ${mostOutput} bytes`);
    // Whoever it has left behind may hold its output for ever. A late timer comes before what is there to be read.
    child.once("exit", () => {
      const late = setTimeout(() => setImmediate(closeOutput, child), lastWords);
      child.once("close", () => clearTimeout(late));
    });
    child.once("error", (error) => end(`can't be started: ${error.message}`, error));
    child.once("close", (status, by) =>
      end(status === 0 ? undefined : by === null ? `ended with status ${status}` : `was ended by ${by}`),
    );
  });
  if (typeof ended === "string") return ended;
  throw new Error(`${basename(file)} ${ended.message}`, { cause: ended.cause });
}

function closeOutput({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}

/** A process that left the group may go on; nothing that it writes is read. */
function killGroup(child: ChildProcess): void {
  closeOutput(child);
  try {
    // Without a pid it was never started.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // All of it has ended meanwhile.
  }
}

/** All that a program writes, to whichever of its two streams. */
class Output {
  onFlood: () => void = () => {};
  readonly #most: number;
  /** Of the standard output. */
  readonly #parts: Buffer[] = [];
  #length = 0;
  #end = Buffer.alloc(0);

  /** @param isSecret whether {@link lastLine} is of the standard error alone. */
  constructor({ stdout, stderr }: ChildProcess, most: number, isSecret: boolean) {
    this.#most = most;
    stdout?.on("data", (chunk: Buffer) => {
      this.#parts.push(chunk);
      this.#add(chunk, !isSecret);
    });
    stderr?.on("data", (chunk: Buffer) => this.#add(chunk, true));
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString("utf8");
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

  #add(chunk: Buffer, isTold: boolean): void {
    this.#length += chunk.length;
    if (isTold) this.#end = Buffer.concat([this.#end, chunk]).subarray(-keptEnd);
    if (this.#length > this.#most) this.onFlood();
  }
}
