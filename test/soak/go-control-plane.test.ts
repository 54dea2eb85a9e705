import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import type { Message } from "../../src/providers/envoy/read/wire.ts";
import { edsCluster, endpoints, tcpListener } from "../support/ads-server.ts";
import { connectPlain } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** A line of the control plane's output. */
interface Told {
  readonly port?: number;
  readonly set?: string;
  readonly type?: string;
  readonly refusal?: string;
}

/** A control plane of go-control-plane, as a process of its own. */
class GoControlPlane implements Disposable {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  #woken = Promise.withResolvers<void>();
  #version = 0;

  private constructor(program: string, port: number) {
    this.#child = spawn(program, [String(port)], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.told.push(JSON.parse(line) as Told);
      this.#woken.resolve();
      this.#woken = Promise.withResolvers();
    });
  }

  static async start(program: string, port = 0): Promise<GoControlPlane> {
    const plane = new GoControlPlane(program, port);
    await plane.tells((line) => line.port !== undefined);
    return plane;
  }

  get port(): number {
    return this.told.find(({ port }) => port !== undefined)!.port!;
  }

  async tells(predicate: (line: Told) => boolean): Promise<Told> {
    for (;;) {
      const found = this.told.find(predicate);
      if (found !== undefined) return found;
      await soon(this.#woken.promise, "the control plane's word", 20_000);
    }
  }

  /** Serves these resources from now on. */
  async set(...resources: readonly Message[]): Promise<void> {
    const version = String(++this.#version);
    const all = JSON.parse(
      JSON.stringify(resources).replaceAll('"@type":"', '"@type":"type.googleapis.com/'),
    ) as unknown;
    this.#child.stdin!.write(`${JSON.stringify({ version, resources: all })}\n`);
    await this.tells(({ set }) => set === version);
  }

  /** Without a word to its clients. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.kill();
  }
}

const dir = mkdtempSync(join(tmpdir(), "umay-go-control-plane-"));
const program = join(dir, "control-plane");

/** Why there is no control plane; false: there is. */
function build(): string | false {
  if (spawnSync("go", ["version"]).status !== 0) return "Go is not installed";
  cpSync(join(import.meta.dirname, "../support/go-control-plane"), dir, { recursive: true });
  const built = spawnSync("nice", ["go", "build", "-o", program, "."], { cwd: dir, timeout: 600_000 });
  return built.status === 0
    ? false
    : `go-control-plane can't be built: ${String(built.stderr).slice(0, 200)}`;
}

const missing = build();
let echo: EchoServer;

before(async () => {
  echo = await startEcho({ bind: "127.0.0.1:0", name: "echo" });
});

after(async () => {
  await echo?.close();
  rmSync(dir, { recursive: true, force: true });
});

const start = (port: number, protocol: string): Promise<RunningUmay> =>
  startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${port}"]
    protocol = "${protocol}"
    node = { id = "umay-1", cluster = "edge" }`);

async function echoes(port: number): Promise<void> {
  using client = await connectPlain(port);
  client.end("hello\n");
  assert.match(String(await client.readToEnd()), /hello/);
}

for (const protocol of ["delta", "sotw"])
  test(`go-control-plane drives umay over ${protocol}: static, changing, breaking, killed and restarted`, {
    skip: missing,
  }, async () => {
    assert.ok(echo.address.kind === "tcp");
    const [first, second] = (await freePorts(2)) as [number, number];
    const static_ = [
      edsCluster("echo"),
      endpoints("echo", echo.address.port),
      tcpListener("l", first, "echo"),
    ];
    const control = await GoControlPlane.start(program);
    using stack = new DisposableStack();
    stack.use(control);
    await control.set(...static_);
    await using umay = await start(control.port, protocol);
    await echoes(first);

    const changing = [...static_, tcpListener("m", second, "echo")];
    await control.set(...changing);
    await umay.logged(({ changes }) => String(changes).includes("listeners.m: added"));
    await echoes(second);

    // The bad cluster is refused, again and again; everything else is served on, and can change.
    const bad = edsCluster("echo", { lb_policy: "CLUSTER_PROVIDED" });
    const began = performance.now();
    await control.set(bad, ...changing.slice(1));
    await control.tells(({ refusal }) => /^echo: lb_policy CLUSTER_PROVIDED/.test(refusal ?? ""));
    await echoes(first);
    await new Promise((resolve) => setTimeout(resolve, 5_000 - (performance.now() - began)));
    const refusals = control.told.filter(({ refusal }) => refusal);
    assert.ok(refusals.length <= 2, `${refusals.length} refusals in 5 s`);
    await control.set(...static_);
    await umay.logged(({ changes }) => String(changes).includes("listeners.m: removed"));

    control.kill();
    await umay.logged(({ msg }) => msg.startsWith("a control plane is away"));
    await echoes(first);
    const again = stack.use(await GoControlPlane.start(program, control.port));
    await again.set(...changing);
    await umay.logged(
      ({ changes }) =>
        String(changes).includes("listeners.m: added") &&
        umay.log.filter((line) => String(line["changes"]).includes("listeners.m: added")).length === 2,
    );
    await echoes(second);
  });
