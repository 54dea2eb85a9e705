/**
 * node generator.ts JSON: runs one load and prints its result as one line of JSON. The JSON is a `LoadRun`, or
 * `{ idle: true, … }` to hold `load.clients` sessions open until standard input ends (two minutes at most), with
 * one result when they are open and one at the end. A line `{ path, each }` on standard input has each session ask so
 * many times for what is never answered, and gives one result more.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Asking } from "./asking.ts";
import { Client, type Sharing } from "./client.ts";
import { Http2Client, Http2Connection } from "./http2-client.ts";
import type { LoadResult, LoadRun } from "./load.ts";

const run = JSON.parse(process.argv[2] ?? "") as LoadRun & { readonly idle?: boolean };
const { load, port, cipher } = run;
const sharing: Sharing = { load, port, cipher, ticket: undefined, wrongHandshakes: 0 };
const connections =
  load.streams === undefined ? [] : Array.from({ length: load.clients }, () => new Http2Connection(run));
const clients: readonly Asking[] =
  load.streams === undefined
    ? Array.from({ length: load.clients }, () => new Client(sharing))
    : connections.flatMap((connection) =>
        Array.from({ length: load.streams! }, () => new Http2Client(connection, load.path)),
      );
const errors = new Map<string, number>();
const latencies: number[] = [];

if (load.connection === "resumed") await ask(new Client(sharing)); // Fetches the first ticket.
sharing.wrongHandshakes = 0;
if (run.idle === true) await holdIdle();
else if (run.rate === undefined) await askWithoutPause(run.seconds);
else {
  await Promise.all(clients.map(ask)); // Connects, so that no request at the fixed rate waits for that.
  await askAtRate(run.rate, run.seconds);
}
process.exit(0);

function ask(client: Asking): Promise<boolean> {
  return new Promise((resolve) => {
    client.ask((error) => {
      if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1);
      resolve(error === undefined);
    });
  });
}

/** Every client asks again as soon as it has its answer. One that got an error stops. */
async function askWithoutPause(seconds: number): Promise<void> {
  const began = performance.now();
  const end = began + seconds * 1000;
  let units = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end && (await ask(client))) units++;
    }),
  );
  report(units, (performance.now() - began) / 1000);
}

/**
 * Requests become due by the clock, and wait when every client is busy: a proxy that stalls is charged for all
 * that fell due meanwhile. The clock ticks in milliseconds, so what is due within one goes out together.
 */
async function askAtRate(rate: number, seconds: number): Promise<void> {
  const began = performance.now();
  const total = Math.floor(rate * seconds);
  const due: number[] = [];
  let issued = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now();
      while (issued < total && issued < ((now - began) / 1000) * rate) {
        issued++;
        due.push(now);
      }
      serve();
      const late = now - began > (seconds + 5) * 1000;
      if (latencies.length < total && !late && errors.size === 0) return;
      clearInterval(timer);
      resolve();
    }, 1);
    const serve = (): void => {
      for (const client of clients) {
        if (due.length === 0) return;
        if (!client.busy) answerOne(client, due.shift()!, serve);
      }
    };
  });
  if (latencies.length < total) errors.set("not answered within five seconds", total - latencies.length);
  report(latencies.length, (performance.now() - began) / 1000);
}

function answerOne(client: Asking, dueAt: number, next: () => void): void {
  void ask(client).then((good) => {
    if (good) latencies.push(performance.now() - dueAt);
    next();
  });
}

/** Opens the sessions, 32 at a time, with one request each, then says so and holds them. */
async function holdIdle(): Promise<void> {
  setTimeout(() => process.exit(1), 120_000);
  const waiting = clients.values();
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (const client of waiting) if (!(await ask(client))) return;
    }),
  );
  report(clients.length, (performance.now() - began) / 1000);
  for await (const line of createInterface({ input: process.stdin })) {
    await holdRequests(JSON.parse(line) as { path: string; each: number });
  }
  const lost = clients.filter((client) => !client.connected).length;
  if (lost > 0) errors.set("idle session closed by the proxy", lost);
  report(clients.length - lost, (performance.now() - began) / 1000);
}

/** The end of this process ends them. */
async function holdRequests({ path, each }: { path: string; each: number }): Promise<void> {
  for (const connection of connections)
    for (let count = 0; count < each; count++)
      connection.ask(path, (error) => errors.set(`a held request ended: ${error ?? "answered"}`, 1));
  await sleep(1_000);
  report(connections.length * each, 1);
}

function report(units: number, seconds: number): void {
  const wrong = load.connection === "resumed" ? "not resumed" : "resumed unasked";
  if (sharing.wrongHandshakes > 0) errors.set(`session ${wrong}`, sharing.wrongHandshakes);
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]!;
  const result: LoadResult = {
    units,
    seconds,
    errors: [...errors].map(([error, count]) => `${count} × ${error}`),
    latency:
      latencies.length === 0
        ? undefined
        : { p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), longest: latencies.at(-1)! },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
