import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { AcmeServer } from "../support/acme-server.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { ask } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { Zone } from "../support/zone.ts";

const run = promisify(execFile);
const bin = new URL("../../bin/umay.js", import.meta.url).pathname;
let authority: AcmeServer;
let dir: string;
let dns: DnsServer;
let zone: Zone;
let umay: RunningUmay;
let release: () => void;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-acme-"));
  authority = await AcmeServer.start(dir);
  authority.faults.refuseNonces = 3;
  const held = Promise.withResolvers<void>();
  authority.faults.hold = held.promise;
  release = held.resolve;
  const [http, tls] = (await freePorts(2)) as [number, number];
  zone = new Zone(dir);
  dns = await startDnsServer();
  zone.serve(dns, "_acme-challenge.wild.test");
  Object.assign(authority.ports, { http, tls, dns: zone.valuesOf });
  writeFileSync(
    join(dir, "umay.toml"),
    `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    [acme]
    directory = ${JSON.stringify(authority.directory)}
    terms_agreed = true
    ca = "authority.pem"
    propagation = "0s"
    [acme.dns]
    command = ["zone/hook"]
    environment = { ZONE = ${JSON.stringify(zone.environment.ZONE)} }
    nameservers = [${JSON.stringify(dns.address)}]
    [listeners.plain]
    bind = "127.0.0.1:${http}"
    mode = "http"
    https_redirect = {}
    [listeners.web]
    bind = "127.0.0.1:${tls}"
    mode = "http"
    tls.acme = { names = ["www.test", "WWW2.test"] }
    [listeners.api]
    bind = "127.0.0.1:0"
    mode = "http"
    tls.acme = { names = ["api.test"], challenge = "http-01" }
    [listeners.wild]
    bind = "127.0.0.1:0"
    mode = "http"
    tls.acme = { names = ["wild.test", "*.wild.test"], challenge = "dns-01" }
    [routes.all]
    listeners = ["web", "api", "wild"]
    respond = { body = "hello" }`,
  );
  umay = await startUmay("", { cwd: dir, args: ["run", "umay.toml"] });
});
after(async () => {
  await umay[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** The serial number of the certificate that a client gets, which it verifies. @throws where the handshake fails. */
async function shown(listener: string, servername: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: umay.port(listener), servername, ca: authority.ca.cert });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate().serialNumber;
  } finally {
    socket.destroy();
  }
}

/** Until a client gets a good certificate. */
const served = (listener: string, name: string) =>
  becomes(
    () => shown(listener, name).catch(String),
    (serial) => /^[0-9A-F]+$/.test(serial),
    name,
  );

test("before the first certificate handshakes are refused, and counted", async () => {
  await assert.rejects(shown("web", "www.test"), /unrecognized.name/i);
  await assert.rejects(shown("wild", "a.wild.test"), /unrecognized.name/i);
  const refused = { listener: "web", result: "no_certificate" };
  assert.equal(await umay.metric("umay_tls_handshakes_total", refused), 1);
  assert.equal(await umay.metric("umay_acme_certificates", { state: "waiting" }), 4);
});

test("certificates are obtained by each challenge, and served at once without a reload", async () => {
  release();
  await served("web", "www.test");
  await served("web", "www2.test");
  await served("api", "api.test");
  await served("wild", "wild.test");
  assert.equal(await shown("wild", "a.wild.test"), await shown("wild", "wild.test"));
  assert.equal(await umay.metric("umay_acme_orders_total", { result: "obtained" }), 4);
  assert.equal(await umay.metric("umay_acme_certificates", { state: "valid" }), 4);
  assert.equal(
    (await umay.metric("umay_acme_next_attempt_timestamp_seconds", { name: "api.test" })) > 0,
    true,
  );
  const validation = { listener: "web", reason: "acme_validation" };
  await becomes(
    () => umay.metric("umay_sessions_ended_total", validation),
    (count) => count === 2,
    "validations",
  );
});

test("an answer is gone with its challenge, in DNS too, and other paths of that kind are requests like any other", async () => {
  assert.deepEqual(zone.valuesOf("_acme-challenge.wild.test"), []);
  assert.equal(zone.calls.length, 4);
  const path = `/.well-known/acme-challenge/${authority.orders.find(({ names }) => names.includes("api.test"))!.authorizations[0]!.token}`;
  const { status } = await ask(authority.ports.http, { path, headers: { host: "api.test" } });
  assert.equal(status, 308);
});

test("nobody but its user can read the storage", () => {
  const files = readdirSync(join(dir, "acme"), { recursive: true, withFileTypes: true });
  assert.ok(files.length >= 8, String(files.length));
  for (const file of files)
    assert.equal(statSync(join(file.parentPath, file.name)).mode & 0o077, 0, file.name);
});

test("a certificate that is revoked is replaced at once, and sessions go on meanwhile", async () => {
  const before = await shown("web", "www.test");
  const { stdout } = await run(process.execPath, [bin, "certs", "--revoke", "www.test", "-c", "umay.toml"], {
    cwd: dir,
  });
  assert.match(stdout, /www\.test is revoked/);
  assert.equal(authority.revoked.size, 1);
  await becomes(
    () => shown("web", "www.test"),
    (serial) => serial !== before,
    "the certificate",
  );
});

test("commands tell of the certificates", async () => {
  const admin = umay.admin.replace("http://", "");
  const { stdout } = await run(process.execPath, [bin, "certs", "--list", "--admin", admin]);
  assert.match(stdout, /^CERTIFICATE +LISTENER +STATE +ENDS +NEXT TRY/);
  assert.match(stdout, /\napi\.test +api +valid +in 89 d \d+ h +in \d+ d/);
  const checked = await run(process.execPath, [bin, "check", "umay.toml"], { cwd: dir });
  assert.match(checked.stdout, /certificate .*\/www2\.test\.pem for www2\.test/);
});

test("a drain waits for the records of an order that it cuts short to be unset", async () => {
  const name = "_acme-challenge.wild.test";
  // The order waits for a nameserver that knows of no record.
  dns.reply(name, "TXT", {});
  const revoke = ["certs", "--revoke", "*.wild.test", "-c", "umay.toml"];
  await run(process.execPath, [bin, ...revoke], { cwd: dir });
  await becomes(
    () => zone.valuesOf(name).length,
    (count) => count === 2,
    "records",
  );
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
  assert.deepEqual(zone.valuesOf(name), []);
});
