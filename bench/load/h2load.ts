import { find, versionOf } from "../machine.ts";
import { capture } from "../process.ts";
import type { LoadResult, LoadRun } from "./load.ts";

export function h2loadVersion(): string | undefined {
  return versionOf("h2load", ["--version"], /nghttp2\/(\S+)/);
}

/** h2load, for requests of HTTP/2 without a body on kept connections. */
export async function runH2load(run: LoadRun, cpus: string, threads: number): Promise<LoadResult> {
  const { load, port, seconds, cipher } = run;
  const args = [
    `-t${threads}`,
    `-c${load.clients}`,
    `-m${load.streams}`,
    `-D${seconds}s`,
    `--tls13-ciphers=${cipher}`,
    "--groups=X25519",
    `https://127.0.0.1:${port}${load.path}`,
  ];
  const output = await capture({ file: find("h2load")!, args }, cpus, seconds + 30);
  return toResult(output, run);
}

/** It prints for people: one line each of what became of the requests, of their statuses and of the bytes. */
function toResult(output: string, { load, seconds }: LoadRun): LoadResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const units = number(/(\d+) succeeded/);
  const dataBytes = number(/\((\d+)\) data/);
  const errors: string[] = [];
  if (!(units > 0)) errors.push("no answer at all");
  for (const kind of ["failed", "errored", "timeout", "3xx", "4xx", "5xx"]) {
    const count = number(new RegExp(`(\\d+) ${kind}`));
    if (count !== 0) errors.push(`${count} × ${kind}`);
  }
  if (!/^Application protocol: h2$/m.test(output)) errors.push("it did not speak HTTP/2");
  if (!(dataBytes >= units * load.responseBytes)) errors.push("fewer bytes than the answers have");
  return { units, seconds, errors, latency: undefined };
}
