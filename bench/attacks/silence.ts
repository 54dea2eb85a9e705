/**
 * node bench/attacks/silence.ts JSON: connects without a word, at a fixed rate, and holds each connection for a while. The
 * JSON is a {@link Silence}.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { cpuMicrosBetween, cpuUsage } from "../measure.ts";
import { capture, stop } from "../process.ts";
import { launch, type Scene, type Target } from "./targets.ts";

interface Silence {
  readonly port: number;
  readonly seconds: number;
  /** Connections a second. */
  readonly rate: number;
}

/** How long a silent client stays, in milliseconds. */
const held = 2_000;
const rate = 800;

export interface SilenceResult {
  /** CPU time of the proxy for each silent connect, from accept to close, in microseconds. */
  readonly micros: number;
  /** Median time of a good client's handshake, in milliseconds: without silent clients, and beside them. */
  readonly calm: number;
  readonly attacked: number;
}

/** The cost of silent clients, and the effect that good clients notice. */
export async function silence(
  target: Target,
  scene: Scene,
  backend: number,
  loadCpus: string,
  seconds: number,
): Promise<SilenceResult> {
  const { running, ports } = await launch(target, scene, { backend });
  try {
    const attack = () => attackFrom(loadCpus, { port: ports.tls, seconds, rate });
    await handshakes(ports.tls, 1);
    await attackFrom(loadCpus, { port: ports.tls, seconds: 1, rate });
    const calm = await handshakes(ports.tls, seconds);
    const [attacked] = await Promise.all([handshakes(ports.tls, seconds), attack()]);
    const before = cpuUsage(running.pid);
    const connects = await attack();
    const micros = cpuMicrosBetween(before, cpuUsage(running.pid)) / connects;
    return { micros, calm, attacked };
  } finally {
    await stop(running);
  }
}

async function attackFrom(cpus: string, silent: Silence): Promise<number> {
  const args = [fileURLToPath(import.meta.url), JSON.stringify(silent)];
  return Number(await capture({ file: process.execPath, args }, cpus, silent.seconds + 60));
}

/** @returns the median time of full handshakes that are due every 50 ms, in milliseconds. */
async function handshakes(port: number, seconds: number): Promise<number> {
  const times: number[] = [];
  const made: Promise<void>[] = [];
  const began = performance.now();
  for (let number = 0; number < seconds * 20; number++) {
    const due = began + number * 50;
    await sleep(Math.max(0, due - performance.now()));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      times.push(performance.now() - due);
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
    made.push(promise);
  }
  await Promise.all(made);
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

async function run({ port, seconds, rate }: Silence): Promise<number> {
  const closed: Promise<void>[] = [];
  const began = performance.now();
  for (let number = 0; number < seconds * rate; number++) {
    const early = began + (number * 1000) / rate - performance.now();
    if (early > 1) await sleep(early);
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(port, "127.0.0.1", () => setTimeout(() => socket.destroy(), held));
    socket.on("error", () => {}).on("close", () => resolve());
    closed.push(promise);
  }
  await Promise.all(closed);
  return closed.length;
}

if (import.meta.main) console.log(await run(JSON.parse(process.argv[2]!) as Silence));
