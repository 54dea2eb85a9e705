import assert from "node:assert/strict";
import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { endWithTest } from "./end-with-test.ts";

const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };

/** Why a test has to be skipped; false: it has not. */
export const dnsmasqMissing =
  spawnSync("dnsmasq", ["--version"], { env }).error !== undefined && "dnsmasq is not installed";

/** dnsmasq takes no port 0. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

const options = [
  "--keep-in-foreground",
  "--conf-file=/dev/null",
  "--log-facility=-",
  "--no-resolv",
  "--no-hosts",
  "--pid-file",
  "--bind-interfaces",
  "--listen-address=127.0.0.1",
  `--user=${userInfo().username}`,
  "--local=/test/",
  "--local-ttl=1",
];

/** A real nameserver for names below `test`, with a TTL of 1 s. */
export class Dnsmasq implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #log: AsyncIterator<string>;

  constructor(child: ChildProcessByStdio<null, null, Readable>, folder: string, address: string) {
    this.#child = child;
    this.#folder = folder;
    this.#log = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    this.address = address;
  }

  /** @param hosts addresses by name; an array is those of `api.test`. */
  static async start(hosts: Hosts, more: readonly string[] = []): Promise<Dnsmasq> {
    const folder = await mkdtemp(join(tmpdir(), "umay-dnsmasq-"));
    await writeHosts(folder, hosts);
    for (let tries = 0; tries < 10; tries++) {
      const port = await freePort();
      const args = [...options, `--port=${port}`, `--addn-hosts=${join(folder, "hosts")}`, ...more];
      const child = endWithTest(spawn("dnsmasq", args, { env, stdio: ["ignore", "ignore", "pipe"] }));
      const dnsmasq = new Dnsmasq(child, folder, `127.0.0.1:${port}`);
      if (await dnsmasq.#hostsRead()) return dnsmasq;
      if (child.exitCode === null) await once(child, "exit");
      // It says 2 when another process has taken the port, be it the TCP port of the same number.
      assert.equal(child.exitCode, 2, "dnsmasq does not start");
    }
    throw new Error("no port is free for dnsmasq");
  }

  /** Gives names these addresses, and takes them from all others. */
  async change(hosts: Hosts): Promise<void> {
    await writeHosts(this.#folder, hosts);
    this.#child.kill("SIGHUP");
    assert.ok(await this.#hostsRead());
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** @returns whether dnsmasq got so far. */
  async #hostsRead(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#log.next();
      if (done) return false;
      if (/read .*hosts - \d+ names/.test(value)) return true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    await rm(this.#folder, { recursive: true });
  }
}

type Hosts = readonly string[] | Readonly<Record<string, readonly string[]>>;

async function writeHosts(folder: string, hosts: Hosts): Promise<void> {
  const names = Array.isArray(hosts) ? { "api.test": hosts as readonly string[] } : hosts;
  const lines = Object.entries(names).flatMap(([name, addresses]) =>
    (addresses as readonly string[]).map((address) => `${address} ${name}\n`),
  );
  await writeFile(join(folder, "hosts"), lines.join(""));
}
