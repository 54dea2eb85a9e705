import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { explainModel } from "../../src/cli/explain-file.ts";
import { readQuestion } from "../../src/control/tell/explain.ts";
import type { Explanation } from "../../src/model/explanation.ts";
import type { Model } from "../../src/model/model.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

/** A client, and what it says in its hello. */
interface Attempt {
  readonly listener: string;
  readonly client: string;
  readonly sni: string;
  readonly alpn: readonly string[];
}

/** The outcome of a connection. `line`: of the session; undefined where it was refused at once, and had none. */
interface Outcome {
  readonly line: LogLine | undefined;
  readonly certificate: string | undefined;
  readonly alpn: string | null;
}

const denied = "127.0.0.9";
const backends: Backend[] = [];
let umay: RunningUmay;
let model: Model;
/** The files by their certificate's fingerprint. */
const files = new Map<string, string>();

before(async () => {
  const { ecdsa, otherName } = await testCertificates();
  for (const { cert } of [ecdsa, otherName])
    files.set(new X509Certificate(readFileSync(cert)).fingerprint256, cert);
  for (let count = 0; count < 4; count++) backends.push(await startEchoBackend());
  const addresses = backends.map(({ address }) => address);
  const pair = ({ cert, key }: typeof ecdsa): string => `{ cert = "${cert}", key = "${key}" }`;
  const both = `certificates = [${pair(ecdsa)}, ${pair(otherName)}]`;
  const pools = ["main", "mqtt", "wild", "through"].map(
    (name, index) => `
    [pools.${name}]
    picker = { type = "consistent-hash", key = "${index % 2 === 0 ? "source-ip" : "sni"}" }
    discovery = { type = "static", backends = ${JSON.stringify(addresses.slice(0, index + 1))} }`,
  );
  const routes = `routes = [
      { sni = ["a.other.test"], alpn = ["mqtt"], pool = "mqtt" },
      { sni = ["a.other.test", "through.test"], pool = "through", passthrough = true },
      { sni = ["*.other.test"], pool = "wild" },
      { alpn = ["mqtt"], pool = "mqtt" },
    ]`;
  const toml = `
    workers = 2
    log.level = "debug"
    admin.bind = "127.0.0.1:0"
    [listeners.many]
    bind = "127.0.0.1:0"
    pool = "main"
    deny = ["${denied}"]
    ${routes}
    tls = { alpn = ["h2", "mqtt"], ${both} }
    [listeners.strict]
    bind = "127.0.0.1:0"
    pool = "wild"
    tls = { strict_sni = true, alpn = ["mqtt"], ${both} }
    [listeners.single]
    bind = "127.0.0.1:0"
    pool = "main"
    routes = [{ sni = ["*.other.test"], pool = "wild" }]
    tls = { certificates = [${pair(ecdsa)}] }
    [listeners.through]
    bind = "127.0.0.1:0"
    mode = "passthrough"
    pool = "through"
    routes = [{ alpn = ["mqtt"], pool = "mqtt" }]
    ${pools.join("\n")}`;
  umay = await startUmay(toml);
  model = await loadModel(toml);
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  for (const backend of backends) await backend[Symbol.asyncDispose]();
});

/** Lines that were looked at: ports of clients come again. */
const told = new Set<LogLine>();

function queryOf({ listener, client, sni, alpn }: Attempt): URLSearchParams {
  const query = new URLSearchParams({ listener, client, sni });
  for (const name of alpn) query.append("alpn", name);
  return query;
}

async function toldByRunning(attempt: Attempt): Promise<Explanation> {
  const response = await fetch(`${umay.admin}/explain?${queryOf(attempt)}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Explanation;
}

async function toldByFile(attempt: Attempt): Promise<Explanation> {
  const question = readQuestion(queryOf(attempt), model.listeners);
  assert.ok(question.ok);
  return explainModel(model, question.value);
}

/** Connects as that client, with OpenSSL's own hello. @param refused whether it must be, as soon as it is accepted. */
async function tryOut({ listener, client, sni, alpn }: Attempt, refused: boolean): Promise<Outcome> {
  const raw = connect({ host: "127.0.0.1", port: umay.port(listener), localAddress: client });
  raw.on("error", () => {});
  const connected = await once(raw, "connect").then(
    () => true,
    () => false,
  );
  if (!connected) assert.ok(refused);
  if (!connected) return { line: undefined, certificate: undefined, alpn: null };
  const port = raw.localPort;
  const socket = connectTls({
    socket: raw,
    rejectUnauthorized: false,
    ...(sni !== "" && { servername: sni }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
  });
  const echoed = await echoes(socket);
  const certificate = echoed ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
  const outcome = { certificate: files.get(certificate ?? ""), alpn: socket.alpnProtocol || null };
  socket.destroy();
  if (refused) {
    assert.equal(echoed, false);
    return { line: undefined, ...outcome };
  }
  const line = await umay.session(
    (one) => one["client"] === `${client}:${port}` && one["listener"] === listener && !told.has(one),
  );
  told.add(line);
  return { line, ...outcome };
}

/** Whether what it sends comes back, over TLS. Where TLS is passed through to an echo, its own hello does. */
async function echoes(socket: TLSSocket): Promise<boolean> {
  const failed = new Promise((resolve) => socket.on("error", resolve)).then(() => false);
  socket.write("x");
  return Promise.race([failed, once(socket, "data").then(() => true)]);
}

const attempts = fc.record({
  listener: fc.constantFrom("many", "many", "many", "strict", "single", "through"),
  client: fc.constantFrom("127.0.0.1", "127.0.0.2", "127.0.0.3", denied),
  sni: fc.constantFrom(
    "",
    "localhost",
    "LocalHost",
    "localhost.",
    "a.other.test",
    "A.Other.Test.",
    "b.other.test",
    "c.b.other.test",
    "other.test",
    "through.test",
    "nobody.test",
  ),
  alpn: fc.shuffledSubarray(["h2", "mqtt", "h3"]),
});

/** Asks first, then looks. */
async function assertTruth(attempt: Attempt): Promise<void> {
  const told = await toldByRunning(attempt);
  const { notes: _, worker: __, ...offline } = await toldByFile(attempt);
  const { notes: ___, worker, pool, ...running } = told;
  assert.equal(worker, 1);
  // Only a running umay knows of connections.
  const idle = pool && { ...pool, backends: pool.backends.map((one) => ({ ...one, connections: 0 })) };
  assert.deepEqual(offline, { ...running, pool: idle });

  const { line, certificate, alpn } = await tryOut(attempt, told.admission.reason !== null);
  if (!told.served) {
    if (line === undefined) return;
    assert.equal(line["reason"], "handshake_failed");
    assert.equal(String(line["tls_error"]).split(":")[0], told.reason);
    return;
  }
  const { name, backend, picker, key, backends: candidates } = pool!;
  assert.deepEqual(
    [line!["pool"], line!["backend"], line!["pick"]],
    [name, backend, { picker, key, candidates: candidates.length }],
  );
  if (told.tls!.handling !== "terminated") return;
  assert.equal(line!["sni"] ?? "", told.request.sni);
  assert.deepEqual([[certificate], alpn], [told.tls!.certificate!.files, told.tls!.alpn]);
}

test("what explain says is what happens, by a running umay and from its configuration", async () => {
  const several = fc.array(attempts, { minLength: 10, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(several, async (all) => void (await Promise.all(all.map(assertTruth)))),
    { numRuns: 7 },
  );
});
