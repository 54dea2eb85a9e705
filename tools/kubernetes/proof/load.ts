import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../../src/lib/listen.ts";

export const backendPort = 8080;

/** A backend as pods have it: it tells its address, and ends in order. */
export class Backend implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  /** When it was asked last, by performance.now(). */
  asked = 0;

  static async start(address: string): Promise<Backend> {
    const backend = new Backend(address);
    await listen(backend.#server, { kind: "tcp", host: address, port: backendPort });
    return backend;
  }

  private constructor(address: string) {
    this.address = address;
    this.#server = createServer((_, response) => {
      this.asked = performance.now();
      // Some requests are under way when something happens.
      setTimeout(() => response.setHeader("x-backend", address).end("good\n"), 5);
    });
  }

  /** As a program does that gets SIGTERM: requests that are under way are answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await closed;
  }
}

/** Clients of all replicas that are ready: as in front of pods, a new connection goes to one of those. */
export class Load implements AsyncDisposable {
  /** Addresses of replicas that get requests. */
  readonly #ways = new Map<string, Agent>();
  readonly #port: number;
  readonly #hosts: readonly string[];
  readonly failures: string[] = [];
  readonly #loops: Promise<void>[];
  #stopped = false;
  answered = 0;
  readonly byBackend = new Map<string, number>();
  #turn = 0;

  /** @param clients each has one request under way. @param pause between its requests, in milliseconds. */
  constructor(port: number, hosts: readonly string[], clients = 8, pause = 20) {
    this.#port = port;
    this.#hosts = hosts;
    this.#loops = Array.from({ length: clients }, () => this.#run(pause));
  }

  /** The replicas that requests go to. */
  set replicas(addresses: readonly string[]) {
    for (const [address, agent] of this.#ways)
      if (!addresses.includes(address)) {
        this.#ways.delete(address);
        // Requests that are under way get their answers.
        setTimeout(() => agent.destroy(), 5_000).unref();
      }
    for (const address of addresses)
      if (!this.#ways.has(address)) this.#ways.set(address, new Agent({ keepAlive: true }));
  }

  async #run(pause: number): Promise<void> {
    while (!this.#stopped) {
      await sleep(pause);
      const ways = [...this.#ways];
      const [address, agent] = ways[this.#turn++ % Math.max(1, ways.length)] ?? [];
      if (address === undefined) continue;
      const host = this.#hosts[this.#turn % this.#hosts.length]!;
      const failure = await this.#ask(address, agent!, host);
      if (failure === undefined) this.answered++;
      else if (this.failures.length < 100) this.failures.push(`${address} ${host}: ${failure}`);
    }
  }

  /** @returns undefined: it was answered well. */
  #ask(address: string, agent: Agent, host: string): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const sent = request(
      { host: address, port: this.#port, agent, headers: { host }, timeout: 20_000 },
      (response: IncomingMessage) => {
        response.resume();
        response.on("error", (error) => resolve(`the answer ended: ${error.message}`));
        response.on("end", () => {
          const backend = String(response.headers["x-backend"]);
          this.byBackend.set(backend, (this.byBackend.get(backend) ?? 0) + 1);
          resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`);
        });
      },
    );
    sent.on("timeout", () => sent.destroy(new Error("no answer within 20 s")));
    sent.on("error", (error) => resolve(error.message));
    sent.end();
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const agent of this.#ways.values()) agent.destroy();
  }
}
