import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import type { PoolTls } from "../../../src/model/pool.ts";
import { type TestCertificates, testCertificates } from "../../support/certificates.ts";
import { load, smallest } from "./loading.ts";

let files: TestCertificates;
before(async () => {
  files = await testCertificates();
});

async function loadTls(
  lines: string,
  text = smallest,
): Promise<{ tls: PoolTls | undefined; said: string[] }> {
  const { model, problems } = await load(`${text}[pools.echo.tls]\n${lines}\n`, {}, files.dir);
  // The certificates of the tests last for a day, and are meant for servers.
  const said = problems
    .filter(({ message }) => !/in 0 days|not meant for clients/.test(message))
    .map(({ severity, path, message }) => `${severity} ${path}: ${message}`);
  return { tls: model?.pools[0]?.tls, said };
}

async function assertSaid(lines: string, expected: RegExp, text?: string): Promise<void> {
  const { said } = await loadTls(lines, text);
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(said[0]!, expected);
}

test("backends are verified by the CA of the file, and files are relative to the configuration", async () => {
  const { tls, said } = await loadTls('ca = "ca.pem"\ncert = "ecdsa.pem"\nkey = "ecdsa.key"\nalpn = ["h2"]');
  assert.deepEqual(said, []);
  assert.equal(tls?.verify, true);
  assert.equal(tls.ca?.source.file, files.ca);
  assert.match(tls.ca!.pem, /^-----BEGIN CERTIFICATE-----\n/);
  assert.equal(tls.certificate?.source.cert, files.ecdsa.cert);
  assert.deepEqual(tls.alpn, ["h2"]);
  assert.equal(tls.serverName, undefined);
});

test("the verified name is server_name or the discovery's name, without a dot at its end", async () => {
  const dns = smallest.replace(/type = "static"\n.*\n/, 'type = "dns"\nname = "api.internal."\nport = 1\n');
  assert.equal((await loadTls('ca = "ca.pem"', dns)).tls?.serverName, "api.internal");
  const named = await loadTls('ca = "ca.pem"\nserver_name = "other.test."', dns);
  assert.equal(named.tls?.serverName, "other.test");
});

test("a unix socket needs server_name, unless nothing is verified", async () => {
  const unix = smallest.replace("127.0.0.1:1994", "unix:/run/a.sock");
  const needs = /^error pools\.echo\.tls: unix:\/run\/a\.sock has no name to verify; add server_name/;
  await assertSaid('ca = "ca.pem"', needs, unix);
  assert.deepEqual((await loadTls('ca = "ca.pem"\nserver_name = "a.test"', unix)).said, []);
});

test("verify = false is a warning", async () => {
  await assertSaid("verify = false", /^warning pools\.echo\.tls\.verify: backends are not verified/);
  assert.equal((await loadTls("verify = false")).tls?.verify, false);
});

test("a CA file must be there and hold certificates", async () => {
  await assertSaid('ca = "nowhere.pem"', /^error pools\.echo\.tls\.ca: .*nowhere\.pem .*(not|no) /);
  await assertSaid('ca = "ecdsa.key"', /^error pools\.echo\.tls\.ca: .*holds no certificate/);
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const empty = join(folder.path, "empty.pem");
  writeFileSync(empty, "");
  await assertSaid(`ca = "${empty}"`, /^error pools\.echo\.tls\.ca: .*is empty/);
});

test("an expired CA is a warning", async () => {
  await assertSaid('ca = "expired.pem"', /^warning pools\.echo\.tls\.ca: .*CN=localhost expired on /);
});

test("a client certificate needs its key, and the one that belongs to it", async () => {
  const both = 'ca = "ca.pem"\n';
  await assertSaid(`${both}cert = "ecdsa.pem"`, /^error pools\.echo\.tls\.cert: there is no key/);
  await assertSaid(`${both}key = "ecdsa.key"`, /^error pools\.echo\.tls\.key: there is no cert/);
  const mixed = `${both}cert = "ecdsa.pem"\nkey = "rsa.key"`;
  await assertSaid(mixed, /^error pools\.echo\.tls\.key: .*rsa\.key does not match/);
});

test("an expired client certificate is a warning that speaks of backends", async () => {
  const lines = 'ca = "ca.pem"\ncert = "expired.pem"\nkey = "expired.key"';
  await assertSaid(lines, /^warning pools\.echo\.tls\.cert: .* backends will refuse it/);
});

test("a certificate that is meant for servers is a warning where backends are shown it", async () => {
  const text = `${smallest}[pools.echo.tls]\nca = "ca.pem"\ncert = "ecdsa.pem"\nkey = "ecdsa.key"\n`;
  const { problems } = await load(text, {}, files.dir);
  const warning = problems.find(({ message }) => message.includes("is not meant for clients"));
  assert.equal(warning?.severity, "warning");
  assert.equal(warning.path, "pools.echo.tls.cert");
});

test("an IP address is no server name", async () => {
  await assertSaid('ca = "ca.pem"\nserver_name = "10.0.0.1"', /server_name: "10\.0\.0\.1" is an IP address/);
});

test("names and keys that are verified are read, and a name that is none is refused", async () => {
  const pin = Buffer.alloc(32, 1);
  const lines = `ca = "ca.pem"
verify_names = ["DB.internal", "10.0.0.1", "spiffe://a.test/db/*", "https://a.test/x"]
pins = ["${pin.toString("base64")}", "sha256:${pin.toString("hex")}"]`;
  const { tls, said } = await loadTls(lines);
  assert.deepEqual(said, []);
  assert.deepEqual(tls?.names, [
    { kind: "host", host: "db.internal" },
    { kind: "host", host: "10.0.0.1" },
    { kind: "uri", uri: "spiffe://a.test/db/*" },
    { kind: "uri", uri: "https://a.test/x" },
  ]);
  assert.deepEqual(tls?.pins, [pin.toString("base64"), pin.toString("base64")]);
  await assertSaid('verify_names = ["*.a.test"]', /verify_names\[0\]: "\*\.a\.test" is no name of a certif/);
  await assertSaid('verify_names = ["spiffe://A/b"]', /is no SPIFFE ID/);
  await assertSaid('pins = ["AAAA"]', /pins\[0\]: "AAAA" is no pin; expected the SHA-256/);
});

test("where nothing is verified, names say nothing, and keys are enough", async () => {
  const pins = `pins = ["${"00".repeat(32)}"]`;
  assert.deepEqual((await loadTls(`verify = false\n${pins}`)).said, []);
  await assertSaid(`verify = false\n${pins}\nverify_names = ["a.test"]`, /verify_names: no name is verified/);
});

test("a unix socket's backend is verified by one of several names", async () => {
  const unix = smallest.replace("127.0.0.1:1994", "unix:/run/a.sock");
  assert.deepEqual((await loadTls('ca = "ca.pem"\nverify_names = ["a.test"]', unix)).said, []);
});
