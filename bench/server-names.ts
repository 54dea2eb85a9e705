/**
 * The cost of a server name for a listener with many certificates: looking it up, in nanoseconds, and a full handshake,
 * in microseconds of umay's CPU time, with 1, 10 and 10,000 certificates. `node bench/server-names.ts [ROUNDS]`, after
 * `npm run build`; rounds are interleaved, and medians printed. umay has the first CPU, its clients the others.
 */
import { cpus } from "node:os";
import type { SecureContext } from "node:tls";
import { CertificateStore } from "../src/data/accept/certificates.ts";
import type { Certificate } from "../src/model/material.ts";
import { cpuMicrosBetween, cpuUsage, memoryOf } from "./measure.ts";
import { installCleanup, stop } from "./process.ts";
import { makeHandshakes, nameOf } from "./tls-load.ts";
import { median, startBackend, startTlsUmay, type TlsUmay } from "./tls-stage.ts";

const sizes = [1, 10, 10_000];
const rounds = Number(process.argv[2] ?? 9);
const handshakes = 500;
const lookups = 200_000;
const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

function storeOf(size: number): CertificateStore {
  const certificates = Array.from(
    { length: size },
    (_, number): Certificate => ({
      source: { kind: "file", cert: "", key: "" },
      cert: "",
      key: "",
      subject: "",
      keyType: "ec",
      names: [nameOf(number), `*.${nameOf(number)}`],
      notAfter: 0,
    }),
  );
  return new CertificateStore(certificates, () => ({}) as SecureContext);
}

/** @returns nanoseconds for one lookup. */
function timeLookups(store: CertificateStore, names: readonly string[]): number {
  const began = performance.now();
  for (let count = 0; count < lookups; count++) store.find(names[count % names.length]!);
  return ((performance.now() - began) * 1e6) / lookups;
}

function lookUp(): object[] {
  const kinds: Readonly<Record<string, (number: number) => string>> = {
    "exact name": nameOf,
    wildcard: (number) => `www.${nameOf(number)}`,
    "no such name": (number) => `x${number}.example`,
  };
  const cases = Object.entries(kinds).flatMap(([kind, name]) =>
    sizes.map((size) => {
      const names = Array.from({ length: 10 }, (_, index) => name(Math.floor((index * size) / 10)));
      return { kind, size, store: storeOf(size), names, times: [] as number[] };
    }),
  );
  for (let count = 0; count < rounds + 2; count++)
    for (const { store, names, times } of cases) times.push(timeLookups(store, names));
  return cases.map(({ kind, size, times }) => ({
    lookup: kind,
    certificates: size,
    ns: round(median(times.slice(2)), 1),
  }));
}

interface Measured extends TlsUmay {
  readonly size: number;
  readonly costs: number[];
}

/** @returns microseconds of CPU time for one handshake and its session. */
async function cost({ size, port, running }: Measured, first: number, count: number): Promise<number> {
  const names = [first, Math.min(size, first + count)] as const;
  const before = cpuUsage(running.pid);
  const result = await makeHandshakes({ port, names, handshakes: count, clients: 4 }, clientCpus);
  const used = cpuMicrosBetween(before, cpuUsage(running.pid));
  if (Object.keys(result.failures).length > 0) throw new Error(JSON.stringify(result.failures));
  return used / result.handshakes;
}

const clientCpus = cpus().length > 1 ? `1-${cpus().length - 1}` : "0";

async function shakeHands(): Promise<object[]> {
  const backend = await startBackend();
  const measured: Measured[] = [];
  for (const size of sizes)
    measured.push({
      size,
      costs: [],
      ...(await startTlsUmay({ certificates: size, workers: 1 }, backend, "0")),
    });
  // A name's first handshake makes its context; the rest of the names is left for that.
  for (const each of measured) await cost(each, 0, handshakes);
  for (let count = 0; count < rounds; count++)
    for (const each of measured) each.costs.push(await cost(each, 0, handshakes));
  const rows: object[] = [];
  for (const each of measured) {
    const { size, costs, startTook, running } = each;
    const first = size > 2 * handshakes ? round(await cost(each, handshakes, size - handshakes)) : undefined;
    rows.push({
      certificates: size,
      "µs a handshake": round(median(costs)),
      "least to most": `${round(Math.min(...costs))} to ${round(Math.max(...costs))}`,
      "µs a name's first": first,
      "start ms": round(startTook),
      "memory MiB": round(memoryOf(running.pid).rss / 2 ** 20),
    });
    await stop(running);
  }
  return rows;
}

installCleanup();
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.table(lookUp());
console.table(await shakeHands());
process.exit();
