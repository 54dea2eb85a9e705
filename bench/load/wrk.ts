import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { find, versionOf } from "../machine.ts";
import { capture, makeFolder } from "../process.ts";
import type { LoadResult, LoadRun } from "./load.ts";

const script = fileURLToPath(new URL("./wrk.lua", import.meta.url));

export function wrkVersion(): string | undefined {
  return versionOf("wrk", ["-v"], /wrk (\S+)/);
}

/**
 * wrk serves for kept connections only: it resumes TLS sessions unasked (it calls `SSL_clear` on the old object),
 * so what it shows for new connections is neither a full handshake nor a count of resumed ones.
 */
export async function runWrk(run: LoadRun, cpus: string, threads: number): Promise<LoadResult> {
  const { load, port, seconds } = run;
  const options = [`-t${threads}`, `-c${load.clients}`, `-d${seconds}s`, "--timeout", "10s", "-s", script];
  const env = { BENCH_UPLOAD_BYTES: String(load.uploadBytes), OPENSSL_CONF: opensslSettings(run.cipher) };
  const command = { file: find("wrk")!, args: [...options, `https://127.0.0.1:${port}${load.path}`], env };
  const output = await capture(command, cpus, seconds + 30);
  return toResult(JSON.parse(output.slice(output.lastIndexOf("\n{"))) as Summary, run);
}

/** wrk has no option for it, but OpenSSL's own configuration file reaches every client that it links. */
function opensslSettings(cipher: string): string {
  const file = join(makeFolder(), "openssl.cnf");
  const section = `[clients]\nCiphersuites = ${cipher}\nGroups = X25519\n`;
  writeFileSync(
    file,
    `openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = clients\n${section}`,
  );
  return file;
}

interface Summary {
  readonly units: number;
  readonly bytes: number;
  readonly micros: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly status: number;
  readonly timeout: number;
}

function toResult(summary: Summary, run: LoadRun): LoadResult {
  const errors: string[] = [];
  if (summary.units === 0) errors.push("no answer at all");
  if (summary.bytes < summary.units * run.load.responseBytes)
    errors.push("fewer bytes than the answers have");
  if (summary.status > 0) errors.push(`${summary.status} × a status other than 200`);
  for (const kind of ["connect", "read", "write", "timeout"] as const) {
    if (summary[kind] > 0) errors.push(`${summary[kind]} × ${kind} error`);
  }
  return { units: summary.units, seconds: summary.micros / 1e6, errors, latency: undefined };
}
