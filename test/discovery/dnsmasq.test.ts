import assert from "node:assert/strict";
import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { systemDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import { err } from "../../src/lib/result.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { dnsDefaults } from "./watching.ts";

const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
const missing = spawnSync("dnsmasq", ["--version"], { env }).error !== undefined;

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

class Dnsmasq implements AsyncDisposable {
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

  static async start(addresses: readonly string[]): Promise<Dnsmasq> {
    const folder = await mkdtemp(join(tmpdir(), "umay-dnsmasq-"));
    await writeHosts(folder, addresses);
    for (let tries = 0; tries < 10; tries++) {
      const port = await freePort();
      const args = [...options, `--port=${port}`, `--addn-hosts=${join(folder, "hosts")}`];
      const child = endWithTest(spawn("dnsmasq", args, { env, stdio: ["ignore", "ignore", "pipe"] }));
      const dnsmasq = new Dnsmasq(child, folder, `127.0.0.1:${port}`);
      if (await dnsmasq.#hostsRead()) return dnsmasq;
      if (child.exitCode === null) await once(child, "exit");
      // It says 2 when another process has taken the port, be it the TCP port of the same number.
      assert.equal(child.exitCode, 2, "dnsmasq does not start");
    }
    throw new Error("no port is free for dnsmasq");
  }

  /** Gives `api.test` these addresses. */
  async change(addresses: readonly string[]): Promise<void> {
    await writeHosts(this.#folder, addresses);
    this.#child.kill("SIGHUP");
    assert.ok(await this.#hostsRead());
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
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    await rm(this.#folder, { recursive: true });
  }
}

async function writeHosts(folder: string, addresses: readonly string[]): Promise<void> {
  const lines = addresses.map((address) => `${address} api.test\n`);
  await writeFile(join(folder, "hosts"), lines.join(""));
}

test("a set that dnsmasq serves is found, and followed as it grows, shrinks and vanishes", {
  skip: missing && "dnsmasq is not installed",
  timeout: 20_000,
}, async (t) => {
  await using dnsmasq = await Dnsmasq.start(["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const spec = { ...dnsDefaults, record: "a+aaaa" as const, hold: 0, nameservers: [dnsmasq.address] };
  const source = createDiscovery({ ...spec, refresh: { min: 20, max: 20 } }, systemDependencies);
  const results = source.watch(stop.signal)[Symbol.asyncIterator]();
  /** A change may come between the queries for the two types, so what is yielded first may be half of it. */
  const served = async (expected: readonly string[]): Promise<void> => {
    for (;;) {
      const { done, value } = await results.next();
      assert.ok(done !== true);
      if (
        value.ok &&
        isDeepStrictEqual(
          value.value.map(({ address }) => address),
          expected,
        )
      )
        return;
    }
  };
  await served(["10.0.0.1:443", "10.0.0.2:443", "[2001:db8::1]:443"]);
  // More than a UDP packet holds.
  const many = Array.from({ length: 200 }, (_, index) => `10.9.0.${index + 10}`);
  await dnsmasq.change(many);
  await served(many.sort().map((address) => `${address}:443`));
  await dnsmasq.change(["10.0.0.2"]);
  await served(["10.0.0.2:443"]);
  await dnsmasq.change([]);
  await served([]);
  const { value } = await results.next();
  const absent = `NXDOMAIN from ${dnsmasq.address}`;
  const message = `api.test: A: ${absent}; AAAA: ${absent}; no backend is known`;
  assert.deepEqual(value, err({ message, serving: "nothing" }));
  stop.abort();
  assert.equal((await results.next()).done, true);
});
