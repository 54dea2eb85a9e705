import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { startOpensslServer } from "../support/openssl-server.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

/** Has OpenSSL send key updates, each of which asks for one in return, until umay ends the session. */
async function flood(umay: RunningUmay, { stdin }: ChildProcess): Promise<LogLine> {
  // It looks for one command in whatever it reads at once.
  const flooding = setInterval(() => stdin!.write("K\n"), 1);
  stdin!.on("error", () => {});
  try {
    return await umay.session();
  } finally {
    clearInterval(flooding);
  }
}

const toml = (listener: string, backend: string, pool = "", more = ""): string => `
  workers = 1
  ${more}
  [listeners.web]
  bind = "127.0.0.1:0"
  pool = "app"
  ${listener}
  ${poolToml("app", [backend], pool)}`;

test("a client that sends key updates and no data is cut off", async () => {
  await using backend = await startEchoBackend();
  const { ecdsa } = await testCertificates();
  const tls = `tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]`;
  await using umay = await startUmay(toml(tls, backend.address));
  const client = endWithTest(spawn("openssl", ["s_client", "-connect", `127.0.0.1:${umay.port("web")}`]));
  await backend.next();
  const line = await flood(umay, client);
  assert.equal(line["reason"], "client_tls_flood");
  assert.equal(line["received"], 0);
  client.kill();
});

test("a client of HTTP that sends key updates and no request is cut off", async () => {
  await using backend = await startEchoBackend();
  const { ecdsa } = await testCertificates();
  const tls = `mode = "http"\ntls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]`;
  await using umay = await startUmay(toml(tls, backend.address, "", 'log = { level = "debug" }'));
  const client = endWithTest(spawn("openssl", ["s_client", "-connect", `127.0.0.1:${umay.port("web")}`]));
  await once(client.stdout, "data");
  assert.equal((await flood(umay, client))["reason"], "client_tls_flood");
  client.kill();
});

test("a backend that sends key updates and no data is cut off", async () => {
  const { ecdsa } = await testCertificates();
  await using server = await startOpensslServer(["-cert", ecdsa.cert, "-key", ecdsa.key], "commands");
  await using umay = await startUmay(toml("", server.address, "tls = { verify = false }"));
  using _client = await connectPlain(umay.port("web"));
  await once(server.child.stdout!, "data");
  assert.equal((await flood(umay, server.child))["reason"], "backend_tls_flood");
});
