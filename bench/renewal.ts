/**
 * Certificates that are renewed under load: full handshakes at a fixed rate for some seconds, with a renewal in each of
 * them and without any, in turn. `node bench/renewal.ts [RATE] [ROUNDS]`, after `npm run build`. A handshake that fails
 * makes it exit with 1.
 */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { installCleanup, stop } from "./process.ts";
import { makeHandshakes, type TlsLoadResult } from "./tls-load.ts";
import { median, startBackend, startTlsUmay, writeCertificate } from "./tls-stage.ts";

const rate = Number(process.argv[2] ?? 200);
const rounds = Number(process.argv[3] ?? 5);
const seconds = 8;
const clientCpus = cpus().length > 1 ? `1-${cpus().length - 1}` : "0";

installCleanup();
const backend = await startBackend();
const umay = await startTlsUmay({ certificates: 1, workers: 2 }, backend, "0");

async function measure(renews: boolean): Promise<TlsLoadResult> {
  const load = { port: umay.port, names: [0, 1], handshakes: rate * seconds, clients: 64, rate } as const;
  const result = makeHandshakes(load, clientCpus);
  for (let second = 0; renews && second < seconds - 1; second++) {
    await sleep(1000);
    await writeCertificate(umay.folder, 0);
  }
  return result;
}

const results = { "with renewals": [] as TlsLoadResult[], without: [] as TlsLoadResult[] };
for (let count = 0; count < rounds; count++) {
  results["with renewals"].push(await measure(true));
  results.without.push(await measure(false));
}
await stop(umay.running);

let failed = 0;
const rows = Object.entries(results).map(([which, runs]) => {
  const failures = runs.flatMap((run) => Object.values(run.failures)).reduce((sum, count) => sum + count, 0);
  failed += failures;
  const ms = (read: (run: TlsLoadResult) => number): number => Number(median(runs.map(read)).toFixed(1));
  return {
    run: which,
    handshakes: runs.reduce((sum, run) => sum + run.handshakes, 0),
    failures,
    "certificates seen": runs.reduce((sum, run) => sum + run.certificates, 0),
    "p50 ms": ms((run) => run.p50),
    "p99 ms": ms((run) => run.p99),
    "most ms": ms((run) => run.most),
  };
});
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.log(`${rate} handshakes a second, ${rounds} rounds of ${seconds} s (medians of the rounds):`);
console.table(rows);
for (const run of Object.values(results).flat())
  if (Object.keys(run.failures).length > 0) console.error(run.failures);
process.exit(failed > 0 ? 1 : 0);
