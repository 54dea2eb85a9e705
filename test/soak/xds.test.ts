import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../support/child.ts";
import { freePorts } from "../support/free-ports.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** In milliseconds. */
const [quiet, busy, away] = [20_000, 60_000, 5_000];
const updatesPerSecond = 100;
const clients = 8;

let backends: readonly Server[];
let control: Child;
let controlPort: number;
let umay: RunningUmay;
let port: number;

/** Starts the control plane, as a process of its own. @returns its port. */
async function startControl(its = 0): Promise<number> {
  const ports = backends.map((server) => (server.address() as AddressInfo).port);
  control = new Child("ads-server-child.ts", [its, port, ...ports]);
  return Number(await control.line());
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
  controlPort = await startControl();
  umay = await startUmay(`
    workers = 2
    log = { sessions = false }
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${controlPort}"]
    node = { id = "umay-1", cluster = "edge" }`);
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
  control.say(`updates ${updatesPerSecond}`);
  const during = await load(AbortSignal.timeout(busy));
  control.say("stop");
  const sent = Number(await control.line());
  t.diagnostic(
    `${before.length} requests before, p99 ${p99(before).toFixed(1)} ms; ${during.length} during ${sent} changes, p99 ${p99(during).toFixed(1)} ms, ratio ${(p99(during) / p99(before)).toFixed(2)}`,
  );
  assert.ok(sent > (busy / 1000) * updatesPerSecond * 0.5);
  const killed = load(AbortSignal.timeout(away * 2));
  await control[Symbol.asyncDispose]();
  await umay.logged(({ msg }) => msg.startsWith("a control plane is away"));
  await sleep(away);
  await startControl(controlPort);
  await killed;
  assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
});
