import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import type { Outcome } from "../support/envoy-corpus.ts";
import { envoy, startEnvoy } from "../support/envoy-program.ts";
import { TransportWorld, transportAnswers } from "../support/envoy-transport.ts";
import { freePorts } from "../support/free-ports.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/*
 * The same file and the same connections for umay and for Envoy, as in `envoy-comparison.test.ts`: TLS on both sides, and
 * relays. UPDATE_ENVOY_ANSWERS=1 writes what an `envoy` on the PATH answers.
 */

const file = transportAnswers();
const answers = existsSync(file)
  ? (JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Outcome>>)
  : {};

let dir: string;
let world: TransportWorld;
let umay: RunningUmay;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-envoy-transport-"));
  world = await TransportWorld.start(dir, await testCertificates());
  const path = join(dir, "umay.json");
  writeFileSync(path, world.file([...world.names, "admin"].map(() => 0)));
  umay = await startUmay("", { args: ["--envoy-config", path], env: { UMAY__WORKERS: "1" } });
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function askAll(port: (listener: string) => number): Promise<Readonly<Record<string, Outcome>>> {
  const found: Record<string, Outcome> = {};
  for (const { name, listener, ask } of world.probes)
    found[name] = JSON.parse(JSON.stringify(await ask(port(listener)))) as Outcome;
  return found;
}

test("connections get what Envoy makes of them: chain, certificate, protocol, backend and fields", async () => {
  assert.deepEqual(await askAll((listener) => umay.port(listener)), answers);
});

test("Envoy itself does so", { skip: envoy === undefined && "no envoy on the PATH" }, async () => {
  const ports = await freePorts(world.names.length + 1);
  const path = join(dir, "envoy.json");
  writeFileSync(path, world.file(ports));
  const running = await startEnvoy(path);
  try {
    const found = await askAll((listener) => ports[world.names.indexOf(listener)]!);
    if (process.env["UPDATE_ENVOY_ANSWERS"] === "1")
      writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
    else assert.deepEqual(found, answers);
  } finally {
    running.kill("SIGKILL");
    await once(running, "exit");
  }
});
