import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CreatedCertificate, createCertificate } from "../../../src/cli/create-certificate.ts";
import type { Certificate } from "../../../src/model/material.ts";
import { load, smallest } from "./loading.ts";

const day = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), "umay-config-certificates-"));
after(() => rmSync(dir, { recursive: true, force: true }));

let authority: CreatedCertificate;
let good: CreatedCertificate;
let other: CreatedCertificate;
const inDays = (days: number): Date => new Date(Date.now() + days * day);

before(async () => {
  authority = await createCertificate({ commonName: "test CA", notAfter: inDays(400) });
  const server = { commonName: "good", notAfter: inDays(90), issuer: authority };
  good = await createCertificate({ ...server, names: ["A.example", "*.b.example", "127.0.0.1"] });
  other = await createCertificate({
    ...server,
    commonName: "other",
    names: ["other.example"],
    algorithm: "rsa",
  });
});

interface Loaded {
  readonly certificates: readonly Certificate[] | undefined;
  readonly lines: readonly string[];
}

/** Loads a TLS listener with these files; paths in what comes back are relative to the configuration. */
async function loadPair(cert: string | Uint8Array, key: string | Uint8Array, tls = ""): Promise<Loaded> {
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "cert.key"), key);
  return loadFiles("cert.pem", "cert.key", tls);
}

async function loadFiles(cert: string, key: string, tls = ""): Promise<Loaded> {
  const text = `${smallest}[listeners.echo.tls]\n${tls}\n[[listeners.echo.tls.certificates]]\ncert = "${cert}"\nkey = "${key}"\n`;
  const { model, problems } = await load(text, {}, dir);
  const lines = problems.map(
    ({ severity, where, path, message }) =>
      `${severity} ${where} ${path.replace("listeners.echo.tls.", "")}: ${message.replaceAll(`${dir}/`, "")}`,
  );
  return { certificates: model?.listeners[0]?.tls[0]?.certificates, lines };
}

const certificatePlace = "umay.toml:11:8 certificates[0].cert";
const keyPlace = "umay.toml:12:7 certificates[0].key";

test("a good pair is read, with its chain, its names in lower case and its end", async () => {
  const { certificates, lines } = await loadPair(good.cert + authority.cert, good.key);
  assert.deepEqual(lines, []);
  assert.deepEqual(certificates, [
    {
      source: { kind: "file", cert: join(dir, "cert.pem"), key: join(dir, "cert.key") },
      cert: good.cert + authority.cert,
      key: good.key,
      subject: "CN=good",
      keyType: "ec",
      names: ["a.example", "*.b.example"],
      addresses: ["127.0.0.1"],
      notAfter: new X509Certificate(good.cert).validToDate.getTime(),
    },
  ]);
});

test("without alternative names the common name is the name", async () => {
  const { certificates } = await loadPair(authority.cert, authority.key);
  assert.deepEqual(certificates?.[0]?.names, ["test ca"]);
});

test("text around the blocks, and certificate and key in one file, are fine", async () => {
  writeFileSync(join(dir, "both.pem"), `Subject: good\n${good.cert}\nand its key\n${good.key}`);
  assert.deepEqual((await loadFiles("both.pem", "both.pem")).lines, []);
});

test("a byte order mark before a certificate and its key is fine", async () => {
  const { certificates, lines } = await loadPair(`\ufeff${good.cert}`, `\ufeff${good.key}`);
  assert.deepEqual(lines, []);
  assert.deepEqual([certificates?.[0]?.cert, certificates?.[0]?.key], [good.cert, good.key]);
});

test("traditional RSA keys are fine", async () => {
  const key = createPrivateKey(other.key).export({ type: "pkcs1", format: "pem" }).toString();
  assert.deepEqual((await loadPair(other.cert, key)).lines, []);
});

test("a key of another certificate is told with both files and the subject", async () => {
  assert.deepEqual((await loadPair(good.cert, other.key)).lines, [
    `error ${keyPlace}: cert.key does not match cert.pem (CN=good); name the key that the certificate was made for`,
  ]);
});

test("a chain with the leaf in the wrong place is told so", async () => {
  const [error] = (await loadPair(authority.cert + good.cert, good.key)).lines.filter((line) =>
    line.startsWith("error"),
  );
  assert.equal(
    error,
    `error ${keyPlace}: cert.key does not match cert.pem (CN=test CA); the key belongs to certificate number 2 of the file, which must come first`,
  );
});

test("files that do not exist are both told", async () => {
  assert.deepEqual((await loadFiles("absent.pem", "absent.key")).lines, [
    "error umay.toml:11:8 certificates[0].cert: absent.pem does not exist; check the path",
    "error umay.toml:12:7 certificates[0].key: absent.key does not exist; check the path",
  ]);
});

test("absent files that umay makes come with the command that makes them", async () => {
  const advice = `does not exist; check the path, or run \`umay certs --dir ${dir}\`, which makes it`;
  assert.deepEqual((await loadFiles("dev.pem", "dev.key")).lines, [
    `error umay.toml:11:8 certificates[0].cert: dev.pem ${advice}`,
    `error umay.toml:12:7 certificates[0].key: dev.key ${advice}`,
  ]);
});

test("a folder in place of a file is told so", async () => {
  mkdirSync(join(dir, "folder"), { recursive: true });
  writeFileSync(join(dir, "good.key"), good.key);
  assert.deepEqual((await loadFiles("folder", "good.key")).lines, [
    `error ${certificatePlace}: folder is a folder; name a file in it`,
  ]);
});

test("a key that may not be read says who may not read it", { skip: process.getuid?.() !== 0 }, async () => {
  writeFileSync(join(dir, "secret.pem"), good.cert);
  writeFileSync(join(dir, "secret.key"), good.key, { mode: 0o600 });
  process.seteuid!(65_534);
  try {
    // The folder is the test's alone: both files are behind it.
    const { lines } = await loadFiles("secret.pem", "secret.key");
    assert.match(
      lines[1]!,
      /certificates\[0\]\.key: secret\.key may not be read by the user \S+; give that user/,
    );
  } finally {
    process.seteuid!(0);
  }
});

test("empty files are told so", async () => {
  const empty = "is empty; it must hold PEM text (-----BEGIN …-----)";
  assert.deepEqual((await loadPair("", " \n")).lines, [
    `error ${certificatePlace}: cert.pem ${empty}`,
    `error ${keyPlace}: cert.key ${empty}`,
  ]);
});

test("what is not PEM is told so, and DER with the way to convert it", async () => {
  const { lines } = await loadPair(new X509Certificate(other.cert).raw, "hello");
  assert.match(
    lines[0]!,
    /cert\.pem is not PEM: it is DER; convert it, for example with: openssl x509 -inform DER/,
  );
  assert.equal(
    lines[1],
    `error ${keyPlace}: cert.key is not PEM: it has no -----BEGIN …----- line; export it as PEM`,
  );
});

test("files that are cut short are told so, also after a whole certificate", async () => {
  const half = (pem: string): string => pem.slice(0, pem.length / 2);
  const { lines } = await loadPair(good.cert + half(authority.cert), half(good.key));
  assert.equal(lines.length, 2);
  assert.match(
    lines[0]!,
    /cert\.pem is cut short: its last -----BEGIN …----- has no -----END …-----; if nobody/,
  );
  assert.match(lines[1]!, /cert\.key is cut short/);
});

test("swapped files are told as swapped", async () => {
  assert.deepEqual((await loadPair(good.key, good.cert)).lines, [
    `error ${certificatePlace}: cert.pem holds no certificate; it holds a private key; are cert and key swapped?`,
    `error ${keyPlace}: cert.key holds no private key; it holds a certificate; are cert and key swapped?`,
  ]);
});

test("a public key in place of the private one is told so", async () => {
  const key = new X509Certificate(good.cert).publicKey.export({ type: "spki", format: "pem" });
  assert.deepEqual((await loadPair(good.cert, key)).lines, [
    `error ${keyPlace}: cert.key holds no private key; it holds PUBLIC KEY`,
  ]);
});

for (const type of ["pkcs8", "pkcs1"] as const)
  test(`an encrypted key (${type}) is told with the way to decrypt it`, async () => {
    const cipher = { cipher: "aes-256-cbc", passphrase: "secret" };
    const key = createPrivateKey(other.key)
      .export({ type, format: "pem", ...cipher })
      .toString();
    const { lines } = await loadPair(other.cert, key);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /cert\.key is encrypted, .* decrypt it with: openssl pkey -in FILE/);
  });

test("damaged certificates and keys are told with the place of the damage", async () => {
  const damage = (pem: string): string => pem.replace(/\n.{20}/, "\n!!!!!!!!!!");
  const { lines } = await loadPair(good.cert + damage(authority.cert), damage(good.key));
  assert.equal(lines.length, 2);
  assert.match(
    lines[0]!,
    /cert\.pem is damaged: the CERTIFICATE that begins in line \d+ has "!" in line \d+, which is no base64; get it again$/,
  );
  assert.match(lines[1]!, /cert\.key is damaged: the PRIVATE KEY that begins in line 1 has "!" in line 2, /);
});

async function warningsOf(notBefore: Date, notAfter: Date): Promise<readonly string[]> {
  const leaf = await createCertificate({
    commonName: "leaf",
    names: ["x"],
    notBefore,
    notAfter,
    issuer: authority,
  });
  const { certificates, lines } = await loadPair(leaf.cert, leaf.key);
  assert.equal(certificates?.length, 1);
  return lines;
}

test("an expired certificate is a warning", async () => {
  const end = inDays(-1);
  end.setMilliseconds(0);
  assert.deepEqual(await warningsOf(inDays(-9), end), [
    `warning ${certificatePlace}: cert.pem: the certificate expired on ${end.toISOString()}; clients will refuse it, renew it`,
  ]);
});

test("a certificate that is not valid yet is a warning", async () => {
  const lines = await warningsOf(inDays(1), inDays(90));
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^warning .* is not valid before .*; clients will refuse it until then, check this machine's clock$/,
  );
});

test("a certificate is warned about in its last 30 days, and not before", async () => {
  const lines = await warningsOf(inDays(-1), inDays(29.5));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /expires on .*, in 29 days; renew it$/);
  assert.deepEqual(await warningsOf(inDays(-1), inDays(30.5)), []);
});

test("a chain whose links do not hold is a warning that names both", async () => {
  const { certificates, lines } = await loadPair(good.cert + other.cert, good.key);
  assert.equal(certificates?.length, 1);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /certificate number 1 \(CN=good\) was not issued by the next one in the file \(CN=other\)/,
  );
});

test("an expired issuer in the chain is a warning", async () => {
  const old = await createCertificate({ commonName: "old CA", notBefore: inDays(-9), notAfter: inDays(-1) });
  const leaf = await createCertificate({
    commonName: "leaf",
    names: ["x"],
    notAfter: inDays(90),
    issuer: old,
  });
  const { lines } = await loadPair(leaf.cert + old.cert, leaf.key);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /certificate number 2 \(CN=old CA\) expired on /);
});

test("TLS versions the wrong way round are told", async () => {
  const { lines } = await loadPair(good.cert, good.key, 'min_version = "TLSv1.3"\nmax_version = "TLSv1.2"');
  assert.deepEqual(lines, [
    "error umay.toml:9:15 min_version: is newer than max_version, TLSv1.2; raise that or lower this",
  ]);
});

async function tlsOf(settings: string) {
  writeFileSync(join(dir, "cert.pem"), good.cert);
  writeFileSync(join(dir, "cert.key"), good.key);
  const text = `${smallest}[listeners.echo.tls]\n${settings}\n[[listeners.echo.tls.certificates]]\ncert = "cert.pem"\nkey = "cert.key"\n`;
  const { model, problems } = await load(text, {}, dir);
  return {
    tls: model?.listeners[0]?.tls[0],
    lines: problems.map(
      ({ severity, path, message, hint }) => `${severity} ${path} ${message} ${hint ?? ""}`,
    ),
  };
}

test("the default ciphers are AEAD ones with forward secrecy, TLS 1.3 first", async () => {
  const { tls } = await tlsOf("");
  const ciphers = tls!.ciphers.split(":");
  assert.equal(ciphers.length, 9);
  assert.ok(ciphers.slice(0, 3).every((name) => name.startsWith("TLS_")));
  assert.ok(ciphers.slice(3).every((name) => /^ECDHE-(ECDSA|RSA)-.*(GCM|POLY1305)/.test(name)));
});

test("the default groups begin with the post-quantum hybrid where OpenSSL has it", async () => {
  const { tls } = await tlsOf("");
  const [major = 0, minor = 0] = process.versions.openssl.split(".").map(Number);
  const hybrid = major > 3 || (major === 3 && minor >= 5) ? ["X25519MLKEM768"] : [];
  assert.deepEqual(tls!.groups, [...hybrid, "X25519", "P-256", "P-384"]);
});

test("a list of TLS 1.2 ciphers does not turn TLS 1.3 off", async () => {
  const { tls, lines } = await tlsOf(
    'ciphers = "ecdhe-ecdsa-aes256-gcm-sha384 : ECDHE-RSA-AES128-GCM-SHA256"',
  );
  assert.deepEqual(lines, []);
  assert.equal(
    tls!.ciphers,
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
  );
});

test("a list of TLS 1.3 suites alone is a warning while TLS 1.2 is allowed", async () => {
  const ciphers = 'ciphers = "TLS_AES_128_GCM_SHA256"';
  assert.match(
    (await tlsOf(ciphers)).lines[0]!,
    /^warning listeners\.echo\.tls\.ciphers names no cipher of TLS 1\.2/,
  );
  assert.deepEqual((await tlsOf(`${ciphers}\nmin_version = "TLSv1.3"`)).lines, []);
  const { lines } = await tlsOf(`${ciphers}\nmax_version = "TLSv1.2"`);
  assert.match(
    lines[0]!,
    /^error listeners\.echo\.tls\.ciphers names no cipher of TLS 1\.2, which max_version allows/,
  );
});

for (const [ciphers, hint] of [
  ["ECDHE-RSA-AES128-GCM-SHA265", 'did you mean "ECDHE-RSA-AES128-GCM-SHA256"?'],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 'did you mean "ECDHE-RSA-AES128-GCM-SHA256"?'],
  ["HIGH", ""],
  ["!MD5", ""],
] as const)
  test(`the cipher ${ciphers} is refused`, async () => {
    const { lines } = await tlsOf(`ciphers = "TLS_AES_128_GCM_SHA256:${ciphers}"`);
    assert.equal(lines.length, 1);
    assert.ok(lines[0]!.startsWith(`error listeners.echo.tls.ciphers "${ciphers}" is no cipher`), lines[0]);
    assert.ok(lines[0]!.endsWith(` ${hint}`), lines[0]);
  });

test("groups that OpenSSL does not have are refused one by one", async () => {
  const { lines } = await tlsOf('groups = ["X25519", "P256", "X25519:P-256", ""]');
  assert.equal(lines.length, 3);
  assert.match(
    lines[0]!,
    /^error listeners\.echo\.tls\.groups\[1\] "P256" is no group .* did you mean "P-256"\?$/,
  );
  assert.match(lines[1]!, /groups\[2\] "X25519:P-256" is no group/);
});

test("what only OpenSSL can judge is told with its words", async () => {
  const { lines } = await tlsOf(
    'ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"\nmax_version = "TLSv1.2"\ngroups = ["P-256"]',
  );
  assert.deepEqual(lines, []);
  const weak = await weakCertificate();
  const { lines: refused } = await loadPair(weak.cert, weak.key);
  assert.equal(refused.length, 1);
  assert.match(refused[0]!, /certificates\[0\]\.cert: OpenSSL refuses cert\.pem: .*key too small/);
});

/** OpenSSL's default security level refuses RSA keys below 2048 bits. */
async function weakCertificate(): Promise<{ cert: string; key: string }> {
  const { execFileSync } = await import("node:child_process");
  const [cert, key] = [join(dir, "weak.pem"), join(dir, "weak.key")];
  const options = ["-x509", "-newkey", "rsa:1024", "-nodes", "-days", "90", "-subj", "/CN=weak"];
  execFileSync("openssl", ["req", ...options, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const { readFileSync } = await import("node:fs");
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

test("a pipe in place of a certificate, and a device in place of its key, are errors at once", async () => {
  execFileSync("mkfifo", [join(dir, "pipe")]);
  assert.deepEqual((await loadFiles("pipe", "/dev/zero")).lines, [
    `error ${certificatePlace}: pipe is a pipe, and umay reads regular files only`,
    "error umay.toml:12:7 certificates[0].key: /dev/zero is a device, and umay reads regular files only",
  ]);
});
