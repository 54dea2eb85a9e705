import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ProxyEndpoint, ProxyHeader } from "../../../src/lib/proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../../src/lib/proxy-protocol/reader.ts";
import { endWithTest } from "../../support/end-with-test.ts";
import { patient } from "../../support/patience.ts";

const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };

/** @returns why a test with this program has to be skipped, or false. */
export function missing(program: string): string | false {
  if (spawnSync(program, ["-v"], { env }).error !== undefined) return `${program} is not installed`;
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((own) => own?.address === "::1") ? false : "this machine has no IPv6";
}

/** A proxy under test: its folder, and the ports that its configuration was given. */
export interface Peer {
  readonly folder: string;
  readonly ports: readonly number[];
}

interface PeerOptions {
  /** The program and its arguments; `{config}` stands for the path of its configuration. */
  readonly command: readonly string[];
  /** Files that lie in its folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly portCount: number;
  config(peer: Peer): string;
}

/** Starts a proxy that ends with the test. It takes no port 0, so that a port that was free may have gone. */
export async function startPeer(context: TestContext, options: PeerOptions): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "umay-peer-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), content);
  const config = join(folder, "config");
  const [program, ...args] = options.command.map((word) => word.replace("{config}", config));
  let said = "";
  for (let tries = 0; tries < 5; tries++) {
    const ports = await freePorts(options.portCount);
    writeFileSync(config, options.config({ folder, ports }));
    const child = endWithTest(
      spawn(program!, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] }),
    );
    const output = text(child.stderr);
    const end = async (): Promise<void> => {
      child.kill("SIGKILL");
      said = await output;
    };
    if (await listensOn(ports, child)) {
      context.after(end);
      return { folder, ports };
    }
    await end();
  }
  return assert.fail(`${program} does not start:\n${said}`);
}

interface HaproxyOptions {
  readonly portCount: number;
  readonly files?: Readonly<Record<string, string>>;
  sections(peer: Peer): string;
}

/** Starts HAProxy in TCP mode with these sections. */
export function startHaproxy(
  context: TestContext,
  { portCount, files = {}, sections }: HaproxyOptions,
): Promise<Peer> {
  return startPeer(context, {
    command: ["haproxy", "-db", "-f", "{config}"],
    portCount,
    files,
    config: (peer) => `
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 10s
  timeout server 10s
${sections(peer)}
`,
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, "listening");
    ports.push(portOf(server));
  }
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  return ports;
}

/** Proxies say nothing when they are ready, so that all there is to do is to try. */
async function listensOn(ports: readonly number[], child: ChildProcess): Promise<boolean> {
  for (const deadline = Date.now() + patient(10_000); Date.now() < deadline; await delay(20)) {
    if (child.exitCode !== null) return false;
    const open = ports.map(async (port) => (await isOpen(port, "127.0.0.1")) || isOpen(port, "::1"));
    if ((await Promise.all(open)).every(Boolean)) return true;
  }
  return false;
}

async function isOpen(port: number, address: string): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

/** The traces of a session at its backend: the header before it, and the line that it began with. */
interface Seen {
  readonly header: ProxyHeader;
  readonly line: string;
}

/** A backend behind a proxy: reads the header that each connection begins with. */
export class HeaderBackend {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server.on("connection", (socket) => this.#serve(socket));
    this.port = portOf(server);
  }

  static async start(context: TestContext): Promise<HeaderBackend> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => server.close());
    return new HeaderBackend(server);
  }

  /** The next session that a client begins with a line. */
  async session(): Promise<Seen> {
    const [seen] = (await once(this.#server, "session", {
      signal: AbortSignal.timeout(patient(10_000)),
    })) as [Seen];
    return seen;
  }

  /** The next connection that the proxy makes for itself. */
  async local(): Promise<ProxyHeader> {
    const [header] = await once(this.#server, "local", { signal: AbortSignal.timeout(patient(10_000)) });
    return header as ProxyHeader;
  }

  #serve(socket: Socket): void {
    const reader = new ProxyHeaderReader();
    let bytes: Buffer = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const read = reader.read(bytes);
      if (read.kind === "malformed") this.#server.emit("error", new Error(read.detail));
      if (read.kind !== "header") return;
      const line = bytes.toString("latin1", read.length);
      if (read.header.command === "local") this.#server.emit("local", read.header);
      if (line.endsWith("\n")) this.#server.emit("session", { header: read.header, line });
    });
  }
}

/** Begins a session with a line. @returns the client's own address, and what the backend saw. */
export async function say(
  socket: Socket,
  backend: HeaderBackend,
): Promise<Seen & { readonly client: ProxyEndpoint }> {
  const seen = backend.session();
  socket.write("hello\n");
  const { header, line } = await seen;
  const client = { address: socket.localAddress!, port: socket.localPort! };
  socket.destroy();
  return { header, line, client };
}

/** Sends bytes in one write. @returns all that comes back until the end; nothing after a reset. */
export async function answer(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  return text(socket).catch((error: NodeJS.ErrnoException) => {
    assert.equal(error.code, "ECONNRESET");
    return "";
  });
}
