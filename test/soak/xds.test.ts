import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "../../src/providers/envoy/read/wire.ts";
import { AdsServer, edsCluster, endpoints, httpListener, routesTo } from "../support/ads-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  routes: "envoy.config.route.v3.RouteConfiguration",
} as const;

/** In milliseconds. */
const [quiet, busy, away] = [20_000, 60_000, 5_000];
const updatesPerSecond = 100;
const clusters = Array.from({ length: 100 }, (_, index) => `c${index}`);
const clients = 8;

let backends: readonly Server[];
let control: AdsServer;
let umay: RunningUmay;
let port: number;

const portsOf = (servers: readonly Server[]): number[] =>
  servers.map((server) => (server.address() as AddressInfo).port);

const send = (kind: keyof typeof types, resources: readonly Message[]): string =>
  control.send(types[kind], resources);

async function answer(): Promise<void> {
  const from = control.requests.length;
  const asked = (type: string) =>
    control.request((request) => request.type === type && control.requests.indexOf(request) >= from);
  await asked("Cluster");
  send(
    "cluster",
    clusters.map((name) => edsCluster(name)),
  );
  send("listener", [httpListener("web", port, "r")]);
  await asked("ClusterLoadAssignment");
  send(
    "endpoints",
    clusters.map((name) => endpoints(name, ...portsOf(backends))),
  );
  await asked("RouteConfiguration");
  send("routes", [routesTo("r", "c0")]);
}

before(async () => {
  backends = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const server = createServer((_, response) => response.end("ok"));
      await once(server.listen(0, "127.0.0.1"), "listening");
      return server;
    }),
  );
  [port = 0] = await freePorts(1);
  control = await AdsServer.start("delta");
  const starting = startUmay(`
    workers = 2
    log = { sessions = false }
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${control.port}"]
    node = { id = "umay-1", cluster = "edge" }`);
  await answer();
  umay = await starting;
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
  for (const server of backends ?? []) server.close();
});

/** Asks until the signal aborts. @returns how long each answer took, in milliseconds, sorted. */
async function load(signal: AbortSignal): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const took: number[] = [];
  const client = async (): Promise<void> => {
    while (!signal.aborted) {
      const began = performance.now();
      const status = await new Promise((resolve, reject) => {
        get({ port, host: "127.0.0.1", agent }, (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode));
          response.on("error", reject);
        }).on("error", reject);
      });
      assert.equal(status, 200);
      took.push(performance.now() - began);
      await sleep(5);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return took.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)]!;

test(`${updatesPerSecond} changes of endpoints a second for ${busy / 1000} s, and a control plane that is killed under load: no request fails`, async (t) => {
  const before = await load(AbortSignal.timeout(quiet));
  let sent = 0;
  const updates = setInterval(() => {
    const name = clusters[sent % clusters.length]!;
    // Every other time one backend is missing, another one each time.
    const left = portsOf(backends).filter((_, index) => sent % 2 === 0 || index !== sent % backends.length);
    send("endpoints", [endpoints(name, ...left)]);
    sent++;
  }, 1000 / updatesPerSecond);
  const during = await load(AbortSignal.timeout(busy));
  clearInterval(updates);
  t.diagnostic(
    `${before.length} requests before, p99 ${p99(before).toFixed(1)} ms; ${during.length} during ${sent} changes, p99 ${p99(during).toFixed(1)} ms, ratio ${(p99(during) / p99(before)).toFixed(2)}`,
  );
  assert.ok(sent > (busy / 1000) * updatesPerSecond * 0.5);
  const { port: old } = control;
  const killed = load(AbortSignal.timeout(away * 2));
  await control[Symbol.asyncDispose]();
  await sleep(away);
  control = await AdsServer.start("delta", old);
  await Promise.all([answer(), killed]);
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
});
