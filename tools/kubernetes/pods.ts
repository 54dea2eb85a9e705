import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Of the bridge that pods hang on, inside the cluster's network namespace. */
export const gatewayAddress = "10.244.1.1";
/** Addresses of umay there, one for each Gateway. */
export const poolAddresses: readonly string[] = Array.from(
  { length: 50 },
  (_, index) => `10.244.1.${200 + index}`,
);
const mostPods = 190;
const mostLog = 4 * 1024 * 1024;
/** In milliseconds. */
const longestConnect = 1_000;

export interface PodSpec {
  readonly namespace: string;
  readonly name: string;
  readonly command: readonly string[];
}

/** A program that plays a pod: in a network namespace of its own, with an address on the bridge. */
export class Pod {
  readonly spec: PodSpec;
  readonly address: string;
  /** The output of its program. */
  log = "";
  readonly #place: string;
  readonly #index: number;
  #child: ChildProcess | undefined;
  #stopped: Promise<void> | undefined;
  static readonly #taken = new Set<number>();

  /** @param cluster the network namespace of the bridge. */
  constructor(cluster: string, spec: PodSpec) {
    let index = 10;
    while (Pod.#taken.has(index)) index++;
    if (index > mostPods) throw new Error(`more than ${mostPods} pods`);
    Pod.#taken.add(index);
    this.#index = index;
    this.spec = spec;
    this.address = `10.244.1.${index}`;
    this.#place = `${cluster}-${index}`;
    ip("netns", "add", this.#place);
    ip("link", "add", `pod${index}`, "type", "veth", "peer", "name", "eth0", "netns", this.#place);
    ip("link", "set", `pod${index}`, "master", "pods", "up");
    for (const link of ["lo", "eth0"]) ip("-n", this.#place, "link", "set", link, "up");
    ip("-n", this.#place, "addr", "add", `${this.address}/24`, "dev", "eth0");
    ip("-n", this.#place, "route", "add", "default", "via", gatewayAddress);
    // Whoever knew another pod at this address would ask that one for half a minute.
    ip("neigh", "flush", "dev", "pods", "to", this.address);
  }

  start(env: Readonly<Record<string, string>>): void {
    const { command } = this.spec;
    const child = spawn("ip", ["netns", "exec", this.#place, ...command], {
      env: { ...env, PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.log = `${this.log}${text}`.slice(-mostLog);
      });
    child.on("error", (error) => console.error(`pod ${this.spec.name}: ${error.message}`));
    this.#child = child;
  }

  /** Waits until its program listens on a port, but not for long: it may have no such port. */
  async listening(port: number): Promise<void> {
    for (const deadline = performance.now() + 3_000; performance.now() < deadline; await sleep(100)) {
      const socket = connect(port, this.address);
      const isOpen = await once(socket, "connect", { signal: AbortSignal.timeout(longestConnect) }).then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isOpen) return;
    }
  }

  /** Whoever asks for it first ends it. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    ip("netns", "del", this.#place);
    Pod.#taken.delete(this.#index);
  }
}

export function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}
