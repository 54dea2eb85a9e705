/**
 * The cost of active health checks of 1,000 backends every 5 seconds, in percent of one core, for each type of check:
 * `node bench/health-checks.ts [SECONDS] [--haproxy]`. The backends are one server in another process. With
 * `--haproxy`, HAProxy makes the same checks after umay, where it knows them.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { createSharedMemory } from "../src/channel/memory.ts";
import { createCertificate } from "../src/cli/create-certificate.ts";
import { HealthMonitor } from "../src/control/backends/health.ts";
import { framed } from "../src/lib/grpc-message.ts";
import type { CheckSpec, HealthPolicy } from "../src/model/health.ts";
import type { PlacedPool } from "../src/model/snapshot.ts";
import { createLogger } from "../src/observe/logger.ts";

const backends = 1_000;
const interval = 5_000;

const timing = {
  interval,
  timeout: 2_000,
  rise: 2,
  fall: 3,
  address: undefined,
  port: undefined,
  http: {
    host: "keep",
    idle: 0,
    maxIdlePerBackend: 0,
    maxRequestsPerBackend: undefined,
    maxResponseHead: 65_536,
  },
  proxyProtocol: undefined,
};
const http = { method: "GET", path: "/", host: undefined, expectBody: undefined } as const;
const serverName = "backend.test";
const verified = { verify: true, serverName, certificate: undefined, alpn: [] } as const;
const specsFor = (ca: string): readonly CheckSpec[] => [
  { ...timing, type: "tcp" },
  {
    ...timing,
    ...http,
    type: "http",
    version: "1.1",
    tls: undefined,
    expectStatus: [{ from: 200, to: 299 }],
  },
  { ...timing, type: "grpc", tls: undefined, service: "", host: undefined },
  {
    ...timing,
    type: "tls",
    tls: { ...verified, ca: { source: { kind: "file", file: "" }, pem: ca, members: [] } },
  },
];

async function serve(type: string, directory: string): Promise<void> {
  const server = serverFor(type, directory);
  server.on("connection", (socket) => socket.on("error", () => {}));
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  process.send!((server.address() as AddressInfo).port);
}

function serverFor(type: string, directory: string) {
  if (type === "http") return createHttpServer((_, response) => response.end("ok"));
  if (type === "tcp") return createServer((socket) => socket.resume());
  if (type === "tls") {
    const read = (name: string): Buffer => readFileSync(join(directory, name));
    return createTlsServer({ cert: read("leaf.pem"), key: read("leaf.key") });
  }
  const server = createHttp2Server();
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed(Buffer.from([8, 1])));
  });
  return server;
}

/** Each backend has an address of its own in 127.0.0.0/8. */
function poolAt(port: number): PlacedPool {
  const placed = Array.from({ length: backends }, (_, slot) => {
    const host = `127.1.${slot >> 8}.${slot & 255}`;
    const target = { kind: "tcp", host, port } as const;
    return { address: `${host}:${port}`, target, weight: 1, tier: 0, slot, counters: 0 };
  });
  const connect = { timeout: 1, attempts: 1, retryBudget: { percent: 20, min: 3 } };
  return {
    name: "bench",
    picker: { type: "random" },
    connect,
    http: {
      version: "1.1",
      host: "keep",
      idle: 0,
      sharedIdle: 0,
      maxIdlePerBackend: 0,
      maxRequestsPerBackend: undefined,
      maxResponseHead: 65_536,
    },
    proxyProtocol: undefined,
    slowStart: 0,
    maxConnectionsPerBackend: undefined,
    queue: { size: 0, timeout: 1 },
    tls: undefined,
    slot: 0,
    counters: 0,
    backends: placed,
    warming: false,
  };
}

async function measure(check: CheckSpec | undefined, port: number, seconds: number): Promise<object> {
  const shared = createSharedMemory();
  const outlier = {
    enabled: true,
    consecutiveErrors: 5,
    base: 30_000,
    max: 300_000,
    maxPercent: 50,
    successRate: undefined,
  };
  const policy: HealthPolicy = { check, outlier, panicThreshold: 50 };
  const placed = poolAt(port);
  const { name } = placed;
  const discovery = { type: "static", backends: [] } as const;
  const config = { ...placed, discovery, health: policy, removal: undefined };
  const pool = {
    name,
    required: true,
    config,
    placed,
    leftIn: undefined,
    discovery: undefined,
    checks: new Map(),
    panic: [],
  };
  const monitor = new HealthMonitor({
    pool: () => pool,
    shared,
    memories: [],
    logger: createLogger({ level: "error" }, { write: console.log }),
  });
  monitor.follow({ pools: new Set([name]), left: [] });
  await monitor.firstResults();
  // By then the checks are spread over the interval.
  await sleep(interval);
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  const elapsed = performance.now() - began;
  const up = shared.backendFlags.subarray(0, backends).filter((flags) => flags === 0).length;
  monitor.stop();
  return {
    check: check?.type ?? "none, ejection alone",
    "% of a core": round((user + system) / elapsed / 10),
    up,
  };
}

/** @returns its share of a core, in percent; undefined where it has no such check. */
async function measureHaproxy(
  { type }: CheckSpec,
  port: number,
  seconds: number,
  directory: string,
): Promise<number | undefined> {
  if (type === "grpc") return undefined;
  const tls = `check-ssl verify required ca-file ${directory}/ca.pem check-sni ${serverName}`;
  const config = [
    `global\n nbthread 1\n maxconn ${backends}\n spread-checks 10`,
    `defaults\n mode ${type === "http" ? "http" : "tcp"}`,
    " timeout connect 2s\n timeout client 2s\n timeout server 2s",
    ...(type === "http" ? [" option httpchk GET /"] : []),
    `frontend unused\n bind unix@${directory}/socket\n default_backend pool`,
    "backend pool",
    ...poolAt(port).backends.map(
      ({ address, slot }) =>
        ` server s${slot} ${address} check inter ${interval} ${type === "tls" ? tls : ""}`,
    ),
  ];
  writeFileSync(join(directory, "haproxy.cfg"), `${config.join("\n")}\n`);
  const haproxy = spawn("haproxy", ["-db", "-f", join(directory, "haproxy.cfg")], { stdio: "ignore" });
  await once(haproxy, "spawn");
  try {
    await sleep(interval * 1.5);
    const [before, began] = [ticks(haproxy.pid!), performance.now()];
    await sleep(seconds * 1000);
    return round(((ticks(haproxy.pid!) - before) * 1000) / (performance.now() - began));
  } finally {
    haproxy.kill();
  }
}

/** CPU time of a process, in hundredths of a second (proc(5)). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

const round = (value: number): number => Math.round(value * 100) / 100;

if (process.send !== undefined) await serve(process.argv[2]!, process.argv[3]!);
else {
  const seconds = Number(process.argv.slice(2).find((text) => /^\d+$/.test(text)) ?? 15);
  const directory = mkdtempSync(join(tmpdir(), "umay-health-checks-"));
  const notAfter = new Date(Date.now() + 86_400_000);
  const issuer = await createCertificate({ commonName: "CA", notAfter });
  const leaf = await createCertificate({ commonName: serverName, names: [serverName], notAfter, issuer });
  for (const [name, text] of Object.entries({
    "ca.pem": issuer.cert,
    "leaf.pem": leaf.cert,
    "leaf.key": leaf.key,
  }))
    writeFileSync(join(directory, name), text);
  const rows: object[] = [await measure(undefined, 1, seconds)];
  for (const spec of specsFor(issuer.cert)) {
    const server = fork(fileURLToPath(import.meta.url), [spec.type, directory]);
    const [port] = (await once(server, "message")) as [number];
    const row = await measure(spec, port, seconds);
    const haproxy = process.argv.includes("--haproxy")
      ? { HAProxy: await measureHaproxy(spec, port, seconds, directory) }
      : {};
    rows.push({ ...row, ...haproxy });
    server.kill();
  }
  rmSync(directory, { recursive: true });
  console.log(
    `${backends} backends every ${interval / 1000} s; Node ${process.versions.node}, ${cpus()[0]?.model}`,
  );
  console.table(rows);
}
