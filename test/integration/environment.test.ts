import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure } from "../support/client.ts";
import { farewell } from "../support/talk.ts";
import { runUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

/** Listens where it may not, and names a backend that is not there. */
const file = `
  listeners.echo = { bind = "192.0.2.1:9994", pool = "echo" }
  [pools.echo.discovery]
  type = "static"
  backends = ["192.0.2.2:1"]`;

test("variables replace values of the file, and add tables that it does not have", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(file, {
    env: {
      UMAY__WORKERS: "1",
      UMAY__LOG__LEVEL: "debug",
      UMAY__ADMIN__BIND: "127.0.0.1:0",
      UMAY__LISTENERS__ECHO__BIND: "127.0.0.1:0",
      UMAY__LISTENERS__SECURE: '{ bind = "127.0.0.1:0", pool = "echo" }',
      UMAY__LISTENERS__SECURE__TLS__CERTIFICATES__0__CERT: certificates.ecdsa.cert,
      UMAY__LISTENERS__SECURE__TLS__CERTIFICATES__0__KEY: certificates.ecdsa.key,
      UMAY__POOLS__ECHO__DISCOVERY__BACKENDS: `["${backend.address}"]`,
    },
  });
  await farewell(await connectPlain(umay.port("echo")));
  await farewell(await connectSecure(umay.port("secure")));
  assert.equal((await umay.status()).workers.length, 1);
  // Noise is logged at debug alone.
  const noise = await connectPlain(umay.port("secure"));
  noise.end("not TLS");
  await umay.session((line) => line["reason"] === "handshake_failed");
});

test("a variable that fits nothing or is wrong ends the start with 78 and is named", async () => {
  const { code, stderr } = await runUmay(file, {
    env: { UMAY__LISTENERS__ECHO__PORT: "80", UMAY__WORKERS: "many", UMAY__LOG__LEVEL: "loud" },
  });
  assert.equal(code, 78);
  for (const name of ["UMAY__LISTENERS__ECHO__PORT", "UMAY__WORKERS", "UMAY__LOG__LEVEL"])
    assert.ok(stderr.includes(name), stderr);
});

test("UMAY_CONFIG names the file, whose folder is where its paths start", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  mkdirSync(join(dir.path, "etc"));
  cpSync(certificates.ecdsa.cert, join(dir.path, "etc", "leaf.pem"));
  cpSync(certificates.ecdsa.key, join(dir.path, "etc", "leaf.key"));
  await using backend = await startEchoBackend();
  const config = join(dir.path, "etc", "some.toml");
  const toml = `
    [listeners.echo]
    bind = "\${BIND:-127.0.0.1:0}"
    pool = "echo"
    tls.certificates = [{ cert = "leaf.pem", key = "leaf.key" }]
    [pools.echo.discovery]
    type = "static"
    backends = ["\${BACKEND}"]`;
  writeFileSync(config, toml);
  const options = {
    env: { UMAY_CONFIG: "etc/some.toml", BACKEND: backend.address },
    args: [],
    cwd: dir.path,
  };
  await using umay = await startUmay("", options);
  await farewell(await connectSecure(umay.port("echo")));
  assert.equal(umay.log[0]?.["config"], config);

  // Standard input comes without a folder: there, paths start at the working directory.
  await using piped = await startUmay(toml, { ...options, args: ["-c", "-"], cwd: join(dir.path, "etc") });
  await farewell(await connectSecure(piped.port("echo")));
});
