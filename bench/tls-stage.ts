import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createCertificate } from "../src/cli/create-certificate.ts";
import { accepting, makeFolder, type Running, start } from "./process.ts";
import { nameOf } from "./tls-load.ts";

const program = fileURLToPath(new URL("../bin/umay.js", import.meta.url));
const notAfter = new Date(Date.now() + 86_400_000);
const issuer = await createCertificate({ commonName: "umay bench CA", notAfter });

/** Replaces the certificate with this number and its key. */
export async function writeCertificate(folder: string, number: number): Promise<void> {
  const commonName = nameOf(number);
  const { cert, key } = await createCertificate({ commonName, names: [commonName], notAfter, issuer });
  writeFileSync(join(folder, `${number}.pem`), cert);
  writeFileSync(join(folder, `${number}.key`), key);
}

/** A port of a backend that ends when its client does. */
export async function startBackend(): Promise<number> {
  const server = createServer((socket) => socket.resume().on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}

export interface TlsUmay {
  readonly folder: string;
  readonly port: number;
  readonly running: Running;
  /** From its start until it accepted, in milliseconds. */
  readonly startTook: number;
}

/** umay with so many certificates, each for one name. */
export async function startTlsUmay(
  { certificates, workers }: { readonly certificates: number; readonly workers: number },
  backend: number,
  cpus: string,
): Promise<TlsUmay> {
  const folder = makeFolder();
  for (let number = 0; number < certificates; number++) await writeCertificate(folder, number);
  const port = await freePort();
  const pairs = Array.from(
    { length: certificates },
    (_, number) => `[[listeners.bench.tls.certificates]]\ncert = "${number}.pem"\nkey = "${number}.key"\n`,
  );
  const file = join(folder, "umay.toml");
  writeFileSync(
    file,
    `workers = ${workers}
    [listeners.bench]
    bind = "127.0.0.1:${port}"
    pool = "bench"
    ${pairs.join("")}
    [pools.bench]
    discovery = { type = "static", backends = ["127.0.0.1:${backend}"] }`,
  );
  const log = join(folder, "umay.log");
  const running = start({ file: process.execPath, args: [program, "--config", file] }, cpus, log);
  return { folder, port, running, startTook: await accepting(running, port, 120) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await server[Symbol.asyncDispose]();
  return port;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
