import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { end } from "../api-server.ts";

const adminPort = 9901;
/** How long it has to be ready, in milliseconds. */
const patience = 60_000;

export interface ReplicaOptions {
  /** Its own; the Gateways' ports are there. */
  readonly address: string;
  readonly kubeconfig: string;
  readonly dir: string;
  /** `bin/umay.js`. */
  readonly umay: string;
  /** Lines of `[kubernetes]`. */
  readonly settings?: string;
}

/** A umay as it runs in a pod of the chart, with the address of the pod. */
export class Replica implements AsyncDisposable {
  readonly address: string;
  /** When it last stopped to be ready, by performance.now(); undefined: it is ready. */
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly exited: Promise<number | null>;

  /** It is ready when this resolves. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options);
    for (const deadline = performance.now() + patience; !(await replica.isReady()); await sleep(100))
      if (performance.now() > deadline || replica.#child.exitCode !== null)
        throw new Error(`umay at ${options.address} is not ready:\n${replica.log.slice(-3_000)}`);
    return replica;
  }

  private constructor({ address, kubeconfig, dir, umay, settings = "" }: ReplicaOptions) {
    this.address = address;
    const config = join(dir, `${address}.toml`);
    this.#log = join(dir, `${address}.log`);
    writeFileSync(
      config,
      `workers = 1
admin = { bind = "${address}:${adminPort}", remote = "scrape" }
shutdown = { delay = "4s", timeout = "20s" }
[kubernetes]
kubeconfig = ${JSON.stringify(kubeconfig)}
bind = "${address}"
addresses = ["192.0.2.1"]
lease = "umay"
${settings}
`,
    );
    const args = [umay, "run", "--config", config];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(this.#log);
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) stream.pipe(log, { end: false });
    this.exited = once(this.#child, "exit").then(([code]) => code as number | null);
  }

  /** Its whole log. */
  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  get admin(): string {
    return `http://${this.address}:${adminPort}`;
  }

  /** As a kubelet asks. */
  async isReady(): Promise<boolean> {
    const signal = AbortSignal.timeout(2_000);
    const answer = await fetch(`${this.admin}/readyz`, { signal }).catch(() => undefined);
    return answer?.ok === true;
  }

  /** Resident memory of the process, in mebibytes. */
  get memory(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(text)![1]) / 1_024);
  }

  /** CPU time so far, in milliseconds: ticks are 100 a second on Linux. */
  get cpu(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
  }
}
