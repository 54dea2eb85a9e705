import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  ask,
  type Corpus,
  CorpusBackends,
  type Outcome,
  parts,
  readCorpus,
} from "../support/envoy-corpus.ts";
import { envoy, startEnvoy } from "../support/envoy-program.ts";
import { freePorts } from "../support/free-ports.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/*
 * The same file and the same requests for umay and for Envoy. The answers of Envoy are in `envoy-corpus/answers.json`; where
 * an `envoy` is on the PATH they are asked for again, and UPDATE_ENVOY_ANSWERS=1 writes them.
 */

const file = new URL("envoy-corpus/answers.json", import.meta.url);
const answers = JSON.parse(readFileSync(file, "utf8")) as Record<string, Outcome>;
let backends: CorpusBackends;
let corpus: Corpus;
let umay: RunningUmay;
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-envoy-corpus-"));
  backends = await CorpusBackends.start();
  corpus = await readCorpus(backends);
  const path = join(dir, "umay.json");
  writeFileSync(path, corpus.file([...parts, "admin"].map(() => 0)));
  umay = await startUmay("", { args: ["--envoy-config", path], env: { UMAY__WORKERS: "1" } });
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await backends?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

test("every request of the corpus gets what Envoy makes of it: status, backend, path, host and fields", async () => {
  const differences: object[] = [];
  for (const request of corpus.requests) {
    const { name, part } = request;
    const got = await ask(request, umay.port(part), "umay", corpus.names).catch((error: Error) => ({
      failed: error.message,
    }));
    try {
      assert.deepEqual(got, answers[name]);
    } catch {
      differences.push({ name, got, expected: answers[name] });
    }
  }
  assert.deepEqual(differences, []);
  assert.deepEqual(Object.keys(answers).sort(), corpus.requests.map(({ name }) => name).sort());
});

test("Envoy itself answers so", { skip: envoy === undefined && "no envoy on the PATH" }, async () => {
  const ports = await freePorts(parts.length + 1);
  const path = join(dir, "envoy.json");
  writeFileSync(path, corpus.file(ports));
  const running = await startEnvoy(path);
  const found: Record<string, Outcome> = {};
  try {
    for (const request of corpus.requests)
      found[request.name] = await ask(
        request,
        ports[parts.indexOf(request.part as never)]!,
        "envoy",
        corpus.names,
      );
  } finally {
    running.kill("SIGKILL");
    await once(running, "exit");
  }
  if (process.env["UPDATE_ENVOY_ANSWERS"] === "1")
    writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
  else assert.deepEqual(found, answers);
});
