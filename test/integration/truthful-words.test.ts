import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, poolToml } from "../support/client.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { startFullBackend } from "../support/full-backend.ts";
import { startScene } from "../support/scene.ts";
import { becomes, sessionOf } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, type StartOptions, startUmay } from "../support/umay.ts";

/*
 * The log says what happened, to those who have to act on it.
 */

/** A umay with a configuration in a file, which may change. */
async function startWithFile(
  t: TestContext,
  toml: string,
  options: StartOptions = {},
): Promise<[RunningUmay, string]> {
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  t.after(() => dir.remove());
  const file = join(dir.path, "umay.toml");
  writeFileSync(file, toml);
  return [await startUmay("", { ...options, args: ["--config", file] }), file];
}

/** A record with content that is no content of TLS. */
const garbage = Buffer.concat([Buffer.of(23, 3, 3, 0, 32), Buffer.alloc(32, 1)]);

for (const version of ["TLSv1.2", "TLSv1.3"] as const)
  test(`a client that breaks TLS while its backend is being connected is told of as that, over ${version}`, async () => {
    const { ecdsa } = await testCertificates();
    await using full = await startFullBackend();
    await using umay = await startUmay(`
      workers = 1
      admin.bind = "127.0.0.1:0"
      listeners.web = { bind = "127.0.0.1:0", pool = "full", tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }
      ${poolToml("full", [full.address], 'connect.timeout = "60s"')}`);
    const client = await connectSecure(umay.port("web"), { minVersion: version, maxVersion: version });
    client.raw.write(garbage);
    const line = await sessionOf(umay, client);
    assert.deepEqual([line["reason"], line["origin"]], ["client_tls_error", "client"]);
    assert.equal(line["backend"], undefined);
  });

test("a refused reload names its warnings as warnings, beside its errors", async (t) => {
  const toml = (listener = "", pool = ""): string => `
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.web = { bind = "127.0.0.1:0", pool = "echo" }
    ${listener}
    ${poolToml("echo", ["127.0.0.1:9"], pool)}`;
  const [umay, file] = await startWithFile(t, toml());
  await using _ = umay;
  // `retry_budget` has moved out of `connect`, which is a warning.
  const warned = "connect.retry_budget = { percent = 10 }";
  writeFileSync(file, toml('listeners.other = { bind = "127.0.0.1:0", pool = "nobody" }', warned));
  umay.signal("SIGHUP");
  const { cause } = await umay.logged(({ by }) => by === "SIGHUP");
  const causes = cause as readonly string[];
  const marked = causes.filter((text) => text.includes(": warning: "));
  assert.ok(
    causes.some((text) => /listeners\.other\.pool: .*nobody/.test(text) && !text.includes("warning")),
    causes.join("\n"),
  );
  assert.ok(
    marked.some((text) => text.includes("retry_budget")),
    causes.join("\n"),
  );
  assert.equal(marked.length, causes.length - 1);
});

test("values that came from the environment or a file are printed nowhere: not in an error, in the configuration that counts, or in the log", async (t) => {
  await using backend = await startEchoBackend();
  const toml = (picker: string): string => `
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.web = { bind = "127.0.0.1:0", pool = "echo" }
    otlp = { endpoint = "http://127.0.0.1:9", headers = { authorization = "\${KEY}" } }
    ${poolToml("echo", [backend.address], picker)}`;
  const [umay, file] = await startWithFile(t, toml(""), {
    env: { KEY: "swordfish", UMAY__POOLS__ECHO__CONNECT__TIMEOUT: "4321ms" },
  });
  await using _ = umay;
  const values = await (await fetch(`${umay.admin}/config`)).text();
  assert.match(values, /\$\{KEY\}/);
  assert.doesNotMatch(values, /swordfish|4321/);
  writeFileSync(file, toml(`picker = "\${KEY}"`));
  const answer = await fetch(`${umay.admin}/reload`, { method: "POST" });
  assert.equal(answer.status, 422);
  const body = await answer.text();
  assert.match(body, /pools\.echo\.picker/);
  assert.doesNotMatch(body, /swordfish/);
  await umay.logged(({ by, cause }) => by !== undefined && cause !== undefined);
  assert.doesNotMatch(JSON.stringify(umay.log), /swordfish/);
});

test("a discovery that finds nothing yet says so, and that its pool goes on serving", async (t) => {
  await using backend = await startEchoBackend();
  await using dns = await startDnsServer();
  const head = `
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.web = { bind = "127.0.0.1:0", pool = "echo" }`;
  const [umay, file] = await startWithFile(t, `${head}${poolToml("echo", [backend.address])}`);
  await using _ = umay;
  writeFileSync(
    file,
    `${head}
    [pools.echo.discovery]
    type = "dns"
    name = "nobody.test"
    port = 80
    nameservers = ["${dns.address}"]`,
  );
  umay.signal("SIGHUP");
  const line = await umay.logged(({ msg }) => msg.startsWith("discovery failed"));
  assert.match(line.msg, /nobody\.test: NXDOMAIN .*; the backends from before are served on$/);
  assert.equal(line["serving"], "last-good");
  using client = await connectPlain(umay.port("web"));
  await echoed(client);
});

test("with 64 files, umay warns that there is room for one connection, and serves that one", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(
    `workers = 1
    listeners.web = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`,
    { openFiles: 64 },
  );
  const line = await umay.logged(({ msg }) => msg.startsWith("the limit on open files leaves room for few"));
  assert.deepEqual([line.level, line["most_connections"], line["open_files"]], ["warn", 1, 64]);
  using client = await connectPlain(umay.port("web"));
  await echoed(client);
});

test("a port check of a listener that wants a PROXY header is told at debug, and a peer that sent something else at info", async () => {
  await using umay = await startUmay(`
    workers = 1
    log.level = "debug"
    [listeners.web]
    bind = "127.0.0.1:0"
    pool = "echo"
    proxy_protocol = { trust = ["127.0.0.1"] }
    ${poolToml("echo", ["127.0.0.1:9"])}`);
  const said = async (words: RegExp): Promise<string> =>
    (await umay.session(({ proxy_error: error }) => words.test(String(error)))).level;
  (await connectPlain(umay.port("web"))).end();
  assert.equal(await said(/ended before the PROXY header/), "debug");
  (await connectPlain(umay.port("web"))).reset();
  assert.equal(await said(/ECONNRESET/), "debug");
  await (await connectPlain(umay.port("web"))).write("GET / HTTP/1.1\r\n\r\n");
  assert.equal(await said(/begins with the bytes 47/), "info");
});

test("a backend that resets a session whose client has ended in order is named for it, and the client is reset", async () => {
  await using scene = await startScene();
  for (const transport of ["plain", "tls12", "tls13"] as const) {
    const [client, server] = await scene.relaying(transport);
    client.end("the last word");
    await server.read("the last word".length);
    await becomes(
      () => server.socket.readableEnded,
      (ended) => ended,
      "the client's end at the backend",
    );
    server.reset();
    assert.equal(await client.ending(), "ECONNRESET");
    const line = await sessionOf(scene.umay, client);
    assert.deepEqual([line["reason"], line["origin"]], ["backend_reset", "backend"]);
  }
  await scene.settle();
});
