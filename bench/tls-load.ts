/**
 * node bench/tls-load.ts JSON: makes full TLS handshakes and prints what came of them as one line of JSON. The JSON is
 * a {@link TlsLoad}.
 */
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { capture } from "./process.ts";

export interface TlsLoad {
  readonly port: number;
  /** Handshakes with the names of these numbers, from the first to before the last; again and again from the start. */
  readonly names: readonly [first: number, last: number];
  readonly handshakes: number;
  /** At a time; at a fixed rate, the most at a time. */
  readonly clients: number;
  /** A second; undefined: one after the other. */
  readonly rate?: number;
}

export interface TlsLoadResult {
  readonly handshakes: number;
  /** Failures, with their counts. */
  readonly failures: Readonly<Record<string, number>>;
  /** Serial numbers of the certificates that were seen. */
  readonly certificates: number;
  /** From the connect, or from when it was due, to the end of the handshake, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** The name with this number: what the client asks for, and the common name of what it must get. */
export const nameOf = (number: number): string => `n${number}.bench.test`;

/** Makes handshakes from a process of its own. */
export async function makeHandshakes(load: TlsLoad, cpus: string): Promise<TlsLoadResult> {
  const args = [fileURLToPath(import.meta.url), JSON.stringify(load)];
  return JSON.parse(await capture({ file: process.execPath, args }, cpus, 120)) as TlsLoadResult;
}

const failures = new Map<string, number>();
const serials = new Set<string>();
const latencies: number[] = [];

function handshake(port: number, servername: string, dueAt: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
    const failed = (what: string): void => void failures.set(what, (failures.get(what) ?? 0) + 1);
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within ten seconds")));
    socket.on("error", (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    socket.on("close", () => resolve());
    socket.on("secureConnect", () => {
      latencies.push(performance.now() - dueAt);
      const { subject, serialNumber } = socket.getPeerCertificate();
      if (subject.CN !== servername) failed(`the certificate of ${subject.CN}`);
      serials.add(serialNumber);
      socket.end();
    });
    socket.resume();
  });
}

async function run({
  port,
  names: [first, last],
  handshakes,
  clients,
  rate,
}: TlsLoad): Promise<TlsLoadResult> {
  const began = performance.now();
  let next = 0;
  const client = async (): Promise<void> => {
    for (let number = next++; number < handshakes; number = next++) {
      const dueAt = rate === undefined ? performance.now() : began + (number * 1000) / rate;
      const early = dueAt - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      await handshake(port, nameOf(first + (number % (last - first))), dueAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  return {
    handshakes: latencies.length,
    failures: Object.fromEntries(failures),
    certificates: serials.size,
    p50: quantile(0.5),
    p99: quantile(0.99),
    most: quantile(1),
  };
}

if (import.meta.main) console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as TlsLoad)));
