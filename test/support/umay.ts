import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { endWithTest } from "./end-with-test.ts";
import { patient } from "./patience.ts";

const bin = fileURLToPath(new URL("../../bin/umay.js", import.meta.url));

/** A line of umay's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A umay that runs as users run it, as a process of its own. */
export interface RunningUmay extends AsyncDisposable {
  readonly pid: number;
  /** Port of a listener's first address. */
  port(listener: string): number;
  /** `http://127.0.0.1:port` of the admin server. */
  readonly admin: string;
  readonly log: readonly LogLine[];
  readonly stderr: string;
  /** Its standard output, to pause or to close; its lines go to `log`. */
  readonly output: Readable;
  /** The first line, old or to come, that the predicate accepts. Fails after ten seconds, longer on a slow machine, or when umay has ended. */
  logged(predicate: (line: LogLine) => boolean): Promise<LogLine>;
  /** The lines of ended sessions so far. */
  readonly sessions: readonly LogLine[];
  /** The next session line for which the predicate holds, old ones included. */
  session(predicate?: (line: LogLine) => boolean): Promise<LogLine>;
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  status(): Promise<Status>;
  /** The answer of /readyz. */
  readiness(): Promise<{ readonly status: number; readonly text: string }>;
  signal(signal: NodeJS.Signals): void;
  /** The exit code, once it has ended. */
  readonly exited: Promise<number | null>;
}

/** The part of /status that the tests read. */
export interface Status {
  readonly state: string;
  readonly reason: string | null;
  readonly generation: number;
  readonly workers: readonly { readonly id: number; readonly state: string; readonly connections: number }[];
  readonly listeners: Readonly<
    Record<
      string,
      { readonly bind: string; readonly connections: number; readonly connections_total: number }
    >
  >;
  readonly pools: Readonly<
    Record<
      string,
      {
        readonly picker: string;
        readonly retries_total: number;
        readonly queue: { readonly sessions: number; readonly queued_total: number };
        readonly backends: readonly {
          readonly address: string;
          readonly weight_percent: number;
          readonly state: string;
          readonly connections: number;
          readonly connections_total: number;
          readonly connect_failures_total: number;
        }[];
      }
    >
  >;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Instead of `--config -`; the TOML goes to standard input all the same. */
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** A command that runs it. */
  readonly prefix?: readonly string[];
  /** A file descriptor that becomes its standard output; then there is no log to read. */
  readonly stdout?: number;
  /** Run under `prlimit`-style limits: the most files that it may open. */
  readonly openFiles?: number;
  /** Arguments for Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Instead of Node and `bin/umay.js`. */
  readonly executable?: string;
}

/** Runs `umay --config -` with this TOML and waits until it is ready. @throws with its standard error when it ends. */
export async function startUmay(toml: string, options: StartOptions = {}): Promise<RunningUmay> {
  const umay = spawnUmay(toml, options);
  try {
    await umay.logged(isAccepting);
    return umay;
  } catch (error) {
    await umay[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs `umay --config -` with this TOML and waits for nothing. */
export function spawnUmay(toml: string, options: StartOptions = {}): RunningUmay {
  return new UmayProcess(toml, options);
}

/** Runs umay to its end, for configurations that it must refuse. */
export async function runUmay(
  toml: string,
  options: StartOptions = {},
): Promise<{ code: number | null; stderr: string }> {
  const umay = spawnUmay(toml, options);
  const code = await umay.exited;
  return { code, stderr: umay.stderr };
}

/** Every listener accepts, whether or not every pool has had a backend. */
const isAccepting = ({ msg }: LogLine): boolean =>
  msg === "umay is ready" || msg === "umay accepts connections but is not ready";

class UmayProcess implements RunningUmay {
  readonly log: LogLine[] = [];
  stderr = "";
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(toml: string, options: StartOptions) {
    const { env, openFiles, nodeArgs = [], args = ["--config", "-"], prefix = [] } = options;
    const limit = openFiles === undefined ? [] : ["prlimit", `--nofile=${openFiles}`];
    const { executable } = options;
    const program = executable === undefined ? [process.execPath, ...nodeArgs, bin] : [executable];
    const command = [...limit, ...prefix, ...program, ...args];
    this.#child = endWithTest(
      spawn(command[0]!, command.slice(1), {
        env: { ...process.env, ...env },
        stdio: ["pipe", options.stdout ?? "pipe", "pipe"],
        ...(options.cwd !== undefined && { cwd: options.cwd }),
      }),
    );
    this.#child.stdin!.on("error", () => {});
    this.#child.stdin!.end(toml);
    this.#child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      this.stderr += chunk;
    });
    let rest = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.log.push(JSON.parse(line) as LogLine);
      this.#wake();
    });
    this.exited = once(this.#child, "close").then(([code]) => {
      this.#ended = true;
      this.#wake();
      return code as number | null;
    });
  }

  get output(): Readable {
    return this.#child.stdout!;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  port(listener: string): number {
    const ready = this.log.find(isAccepting)!;
    const [first] = (ready["listeners"] as Record<string, string[]>)[listener]!;
    return Number(first!.slice(first!.lastIndexOf(":") + 1));
  }

  get admin(): string {
    const ready = this.log.find(isAccepting)!;
    return `http://${ready["admin"] as string}`;
  }

  get sessions(): LogLine[] {
    return this.log.filter((line) => line["reason"] !== undefined && line["duration_ms"] !== undefined);
  }

  session(predicate: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return this.logged(
      (line) => line["reason"] !== undefined && line["duration_ms"] !== undefined && predicate(line),
    );
  }

  async logged(predicate: (line: LogLine) => boolean): Promise<LogLine> {
    const longest = patient(10_000);
    const timeout = AbortSignal.timeout(longest);
    for (;;) {
      const found = this.log.find(predicate);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`umay ended before it logged that; standard error:\n${this.stderr}`);
      if (timeout.aborted)
        throw new Error(`umay did not log that within ${longest} ms; its log:\n${this.#lastLines()}`);
      await this.#woken(timeout);
    }
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const metrics = await this.#get("metrics");
    let sum = 0;
    for (const line of metrics.text.split("\n")) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
        sum += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return sum;
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.#get("status")).text) as Status;
  }

  readiness(): Promise<{ status: number; text: string }> {
    return this.#get("readyz");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    this.#child.stdout?.resume();
    await this.exited;
  }

  /**
   * Without a connection that stays open: it would be one of umay's files. And without `fetch`, which takes three times the
   * CPU time of each of the many requests.
   */
  async #get(path: string): Promise<{ status: number; text: string }> {
    const request = get(`${this.admin}/${path}`, { agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return { status: response.statusCode!, text: await text(response) };
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
  }

  #woken(timeout: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        timeout.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      timeout.addEventListener("abort", wake);
    });
  }

  #lastLines(): string {
    return this.log
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join("\n");
  }
}
