import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, createServer } from "node:tls";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { ensureDevCertificates, UnusableCertificates } from "../../src/cli/dev-certificates.ts";
import { testCertificates } from "../support/certificates.ts";

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "umay-certs-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Completes a handshake with `cert` and `key`, trusting `ca`; rejects with what the client finds wrong. */
async function handshake(pair: { cert: string; key: string }, ca: string, servername: string): Promise<void> {
  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, (socket) =>
    socket.on("error", () => {}).end(),
  );
  server.on("tlsClientError", () => {});
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, servername, ca: readFileSync(ca) }, () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", reject);
    });
  } finally {
    server.close();
  }
}

test("the files form a chain that a client accepts for localhost and the further names", async (t) => {
  const dir = join(folder(t), "not", "there", "yet");
  const made = await ensureDevCertificates(dir, { names: ["api.test", "10.0.0.9"] });
  assert.ok(made.created);
  for (const name of ["localhost", "api.test"]) await handshake(made.files, made.files.ca, name);
  const leaf = new X509Certificate(readFileSync(made.files.cert));
  for (const ip of ["127.0.0.1", "::1", "10.0.0.9"]) assert.equal(leaf.checkIP(ip), ip);
  assert.equal(leaf.ca, false);
  assert.equal(new X509Certificate(readFileSync(made.files.ca)).ca, true);
  await assert.rejects(handshake(made.files, made.files.ca, "elsewhere.test"), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
});

test("only the owner can read the key, the CA's key is nowhere, and no draft stays", async (t) => {
  const dir = folder(t);
  const { files } = await ensureDevCertificates(dir);
  assert.equal(statSync(files.key).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dir).sort(), ["dev-ca.pem", "dev.key", "dev.pem"]);
});

test("what is there and usable is kept, and replaced only by force", async (t) => {
  const dir = folder(t);
  const first = await ensureDevCertificates(dir, { days: 10 });
  const before = readFileSync(first.files.cert, "utf8");
  const second = await ensureDevCertificates(dir);
  assert.equal(second.created, false);
  assert.equal(second.notAfter.getTime(), first.notAfter.getTime());
  assert.equal(readFileSync(first.files.cert, "utf8"), before);
  const third = await ensureDevCertificates(dir, { force: true });
  assert.ok(third.created && third.notAfter > first.notAfter);
  assert.notEqual(readFileSync(first.files.cert, "utf8"), before);
});

test("days say how long the certificate is valid", async (t) => {
  const { notAfter } = await ensureDevCertificates(folder(t), { days: 3 });
  const days = (notAfter.getTime() - Date.now()) / 86_400_000;
  assert.ok(days > 2.99 && days <= 3);
});

test("unusable files are named and left alone", async (t) => {
  const dir = folder(t);
  const { files } = await ensureDevCertificates(dir);
  const others = await testCertificates();
  const good = { key: readFileSync(files.key), cert: readFileSync(files.cert), ca: readFileSync(files.ca) };
  const refusal = async (pattern: RegExp, names: string[] = []): Promise<void> => {
    const before = readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8"));
    await assert.rejects(ensureDevCertificates(dir, { names }), (error: unknown) => {
      assert.ok(error instanceof UnusableCertificates);
      assert.match(error.message, pattern);
      return true;
    });
    assert.deepEqual(
      readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8")),
      before,
    );
  };
  await refusal(/dev\.pem does not cover new\.test/, ["new.test"]);
  writeFileSync(files.key, readFileSync(others.ecdsa.key));
  await refusal(/dev\.key is not the key of .*dev\.pem/);
  writeFileSync(files.key, "rubbish");
  await refusal(/dev\.key cannot be read as PEM/);
  writeFileSync(files.key, good.key);
  writeFileSync(files.ca, readFileSync(others.ca));
  await refusal(/dev\.pem is not signed by .*dev-ca\.pem/);
  rmSync(files.ca);
  await refusal(/dev-ca\.pem is missing/);
});

test("expired certificates are said to be expired, and replaced by force", async (t) => {
  const dir = folder(t);
  const { files } = await ensureDevCertificates(dir);
  const others = await testCertificates();
  writeFileSync(files.cert, readFileSync(others.expired.cert));
  writeFileSync(files.key, readFileSync(others.expired.key));
  writeFileSync(files.ca, readFileSync(others.ca));
  await assert.rejects(ensureDevCertificates(dir), /dev\.pem expired on /);
  assert.ok((await ensureDevCertificates(dir, { force: true })).created);
});

test("a folder that cannot be made is the system's error", async (t) => {
  const file = join(folder(t), "file");
  writeFileSync(file, "");
  await assert.rejects(ensureDevCertificates(join(file, "certs")), { code: "ENOTDIR" });
  assert.ok(existsSync(file));
});

test("RSA leafs work in a handshake as ECDSA ones do", async () => {
  const { ecdsa, rsa, ca } = await testCertificates();
  for (const pair of [ecdsa, rsa]) await handshake(pair, ca, "localhost");
  assert.equal(new X509Certificate(readFileSync(rsa.cert)).publicKey.asymmetricKeyType, "rsa");
});

test("a certificate is valid from an hour ago, so that a client's slow clock accepts it", async () => {
  const { cert } = await createCertificate({ commonName: "x", notAfter: new Date(Date.now() + 60_000) });
  const age = Date.now() - Date.parse(new X509Certificate(cert).validFrom);
  assert.ok(age >= 3_600_000 && age < 3_700_000);
});
