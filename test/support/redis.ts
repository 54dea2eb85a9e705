import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";

const program = ["redis-server", "valkey-server"].find(
  (name) => spawnSync(name, ["--version"]).error === undefined,
);

/** Why a test has to be skipped; false: it has not. */
export const redisMissing = program === undefined && "neither redis-server nor valkey-server is installed";

/** A real Redis or Valkey, with nothing in it. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, options: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  /** @param options as on its command line; `{port}` becomes its port. */
  static async start(options: readonly string[] = ["--port", "{port}"]): Promise<RedisServer> {
    const [port] = (await freePorts(1)) as [number];
    const server = new RedisServer(port, await mkdtemp(join(tmpdir(), "umay-redis-")), options);
    await server.begin();
    return server;
  }

  /** Starts it again after {@link kill}, on the same port, with nothing in it. */
  async begin(): Promise<void> {
    const usual = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", this.#folder];
    const own = this.#options.map((option) => option.replace("{port}", String(this.port)));
    const child = endWithTest(spawn(program!, [...usual, ...own], { stdio: ["ignore", "pipe", "inherit"] }));
    this.#child = child;
    let log = "";
    for await (const line of createInterface({ input: child.stdout! })) {
      log += `${line}\n`;
      if (!line.includes("Ready to accept connections")) continue;
      child.stdout!.resume();
      return;
    }
    throw new Error(`Redis does not start: ${log}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it at once, and all that it had. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}
