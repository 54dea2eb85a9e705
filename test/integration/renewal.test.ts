import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { issueClient, revocationList } from "../support/client-certificates.ts";
import { openssl } from "../support/openssl.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";
import { type LogLine, type RunningUmay, type StartOptions, spawnUmay, startUmay } from "../support/umay.ts";

const dayMs = 86_400_000;
const notAfter = new Date(Date.now() + 90 * dayMs);
let authority: CreatedCertificate;
let echo: EchoServer;
let dir: string;

before(async () => {
  authority = await createCertificate({ commonName: "umay test CA", notAfter });
  echo = await startEcho({ bind: "127.0.0.1:0" });
});
after(() => echo.close());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "umay-renewal-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (...names: string[]): string => join(dir, ...names);

function issue(commonName: string, validity: { notBefore?: Date; notAfter?: Date } = {}) {
  return createCertificate({ commonName, names: ["localhost"], issuer: authority, notAfter, ...validity });
}

/** In place, as an editor or `cp` writes. */
function write({ cert, key }: CreatedCertificate, name = "web", folder = dir): void {
  writeFileSync(join(folder, `${name}.pem`), cert);
  writeFileSync(join(folder, `${name}.key`), key);
}

/** Each file is new and takes the old one's name, as certificate tools do it. */
function replace({ cert, key }: CreatedCertificate, name = "web"): void {
  writeFileSync(at("new.pem"), cert);
  writeFileSync(at("new.key"), key);
  renameSync(at("new.key"), at(`${name}.key`));
  renameSync(at("new.pem"), at(`${name}.pem`));
}

/**
 * Writes a configuration with a listener for each name with its files, by default `web`, and `other` with a certificate
 * that never changes.
 */
async function configure(tls = "", names: readonly string[] = ["web"]): Promise<StartOptions> {
  const { cert, key } = await issue("other");
  writeFileSync(at("other.pem"), cert);
  writeFileSync(at("other.key"), key);
  const pool = `pool = "echo"\nbind = "127.0.0.1:0"`;
  writeFileSync(
    at("umay.toml"),
    `workers = 2
    log.level = "debug"
    admin.bind = "127.0.0.1:0"
    ${names
      .map(
        (name) => `[listeners.${name}]
          ${pool}
          [listeners.${name}.tls]
          ${tls}
          certificates = [{ cert = "${name}.pem", key = "${name}.key" }]`,
      )
      .join("\n")}
    [listeners.other]
    ${pool}
    tls.certificates = [{ cert = "other.pem", key = "other.key" }]
    [pools.echo]
    discovery = { type = "static", backends = ["${formatAddress(echo.address)}"] }`,
  );
  return { args: ["--config", at("umay.toml")] };
}

const start = async (tls?: string, names?: readonly string[]): Promise<RunningUmay> =>
  startUmay("", await configure(tls, names));

async function handshake(umay: RunningUmay, listener = "web"): Promise<TLSSocket> {
  const socket = connect({
    port: umay.port(listener),
    host: "127.0.0.1",
    ca: authority.cert,
    servername: "localhost",
  });
  await once(socket, "secureConnect");
  return socket;
}

async function echoed(socket: TLSSocket): Promise<void> {
  socket.write("x");
  const [chunk] = await once(socket, "data");
  assert.equal(String(chunk), "x");
}

/** The common name of the certificate that clients get. */
async function served(umay: RunningUmay, listener = "web"): Promise<string> {
  const socket = await handshake(umay, listener);
  const { subject } = socket.getPeerCertificate();
  await echoed(socket);
  socket.destroy();
  return String(subject.CN);
}

const renewed = (umay: RunningUmay, commonName: string, of = "web"): Promise<LogLine> =>
  umay.logged(
    ({ msg, subject, listener }) =>
      msg === "a certificate was renewed" && subject === `CN=${commonName}` && listener === of,
  );

/** Waits until every worker serves what was renewed: the log tells of it when it is sent. */
async function serves(umay: RunningUmay, commonName: string, listener = "web"): Promise<void> {
  await renewed(umay, commonName, listener);
  for (let inARow = 0; inARow < 10; ) inARow = (await served(umay, listener)) === commonName ? inARow + 1 : 0;
}

const reloads = (umay: RunningUmay, result: string, listener = "web"): Promise<number> =>
  umay.metric("umay_certificate_reloads_total", { listener, result });

/** Waits until so many more have begun. */
async function more(attempts: readonly unknown[], count: number): Promise<void> {
  const enough = attempts.length + count;
  await becomes(
    () => attempts.length,
    (begun) => begun >= enough,
    "attempts",
  );
}

test("certificates are renewed under 50 handshakes a second without one that fails, and sessions go on", async () => {
  write(await issue("v0"));
  await using umay = await start();
  const lasting = await handshake(umay);
  const seen = new Set<string>();
  const attempts: Promise<void>[] = [];
  const timer = setInterval(
    () => attempts.push(served(umay).then((name) => void seen.add(name))),
    patient(20),
  );
  try {
    for (const [index, put] of [replace, write, replace, write].entries()) {
      await more(attempts, 10);
      put(await issue(`v${index + 1}`));
      await renewed(umay, `v${index + 1}`);
    }
    await serves(umay, "v4");
    await more(attempts, 10);
  } finally {
    clearInterval(timer);
  }
  await Promise.all(attempts);
  assert.deepEqual([...seen], ["v0", "v1", "v2", "v3", "v4"]);
  await echoed(lasting);
  assert.equal(lasting.getPeerCertificate().subject.CN, "v0");
  lasting.destroy();
  assert.equal(await reloads(umay, "applied"), 4);
  assert.equal(await reloads(umay, "failed"), 0);
  assert.equal(await reloads(umay, "applied", "other"), 0);
  assert.equal(await served(umay, "other"), "other");
  assert.equal(await umay.metric("umay_certificate_not_after_timestamp_seconds", { subject: "CN=v0" }), 0);
});

test("what can't be used is logged with its file and why, counted once, and the old pair serves on", async () => {
  const [first, second, third] = [await issue("first"), await issue("second"), await issue("third")];
  const expired = await issue("expired", {
    notBefore: new Date(Date.now() - 2 * dayMs),
    notAfter: new Date(Date.now() - dayMs),
  });
  const early = await issue("early", { notBefore: new Date(Date.now() + dayMs) });
  /** By the name of a listener: what becomes of its files, and what the log says of that. */
  const wrongs: Readonly<Record<string, readonly [wrong: (name: string) => void, message: RegExp]>> = {
    "another-key": [
      (name) => write({ ...second, key: third.key }, name),
      /another-key\.key does not match .*another-key\.pem \(CN=second\)/,
    ],
    half: [
      (name) => write({ ...second, cert: second.cert.slice(0, 300) }, name),
      /half\.pem is cut short: its last -----BEGIN/,
    ],
    "half-a-key": [
      (name) => write({ ...second, key: second.key.slice(0, 100) }, name),
      /half-a-key\.key is cut short/,
    ],
    "empty-key": [(name) => writeFileSync(at(`${name}.key`), ""), /empty-key\.key is empty/],
    vanished: [(name) => unlinkSync(at(`${name}.pem`)), /vanished\.pem does not exist; check the path/],
    expired: [(name) => replace(expired, name), /expired\.pem expired on /],
    early: [(name) => replace(early, name), /early\.pem is not valid before /],
  };
  const names = Object.keys(wrongs);
  for (const name of names) write(first, name);
  await using umay = await start("", names);
  for (const [name, [wrong]] of Object.entries(wrongs)) wrong(name);
  for (const [name, [, message]] of Object.entries(wrongs)) {
    const { level, listener, msg } = await umay.logged((line) => message.test(line.msg));
    assert.deepEqual([level, listener], ["error", name]);
    assert.match(msg, /^a renewed file can't be used, and what was served before is served on: /);
    assert.equal(await served(umay, name), "first", name);
  }
  for (const name of names) write(second, name);
  for (const name of names) {
    await serves(umay, "second", name);
    assert.deepEqual(
      [await reloads(umay, "applied", name), await reloads(umay, "failed", name)],
      [1, 1],
      name,
    );
  }
});

test("a key that follows its certificate a little later is no mistake", async () => {
  const [first, second] = [await issue("first"), await issue("second")];
  write(first);
  await using umay = await start();
  writeFileSync(at("web.pem"), second.cert);
  await sleep(600);
  writeFileSync(at("web.key"), second.key);
  await serves(umay, "second");
  assert.equal(await reloads(umay, "failed"), 0);
});

test("a swap of links, as Kubernetes does it, is a renewal", async () => {
  for (const version of ["..v1", "..v2"]) {
    mkdirSync(at(version));
    write(await issue(version.slice(2)), "web", at(version));
  }
  symlinkSync("..v1", at("..data"));
  for (const file of ["web.pem", "web.key"]) symlinkSync(join("..data", file), at(file));
  await using umay = await start();
  assert.equal(await served(umay), "v1");
  symlinkSync("..v2", at("..data_tmp"));
  renameSync(at("..data_tmp"), at("..data"));
  rmSync(at("..v1"), { recursive: true });
  await serves(umay, "v2");
});

test("a folder above that takes another's name is a renewal, and is noticed before the files are looked at anyway", async () => {
  const place = at("site", "live");
  for (const folder of [place, at("next", "live")]) mkdirSync(folder, { recursive: true });
  write(await issue("here"), "web", place);
  write(await issue("moved"), "web", at("next", "live"));
  symlinkSync(join("site", "live", "web.pem"), at("web.pem"));
  symlinkSync(join("site", "live", "web.key"), at("web.key"));
  await using umay = await start();
  assert.equal(await served(umay), "here");
  const moved = performance.now();
  renameSync(at("site"), at("before"));
  renameSync(at("next"), at("site"));
  await serves(umay, "moved");
  assert.ok(performance.now() - moved < 30_000, "files are looked at every minute anyway");
});

test("files that change while umay starts are not missed", async () => {
  write(await issue("first"));
  const second = await issue("second");
  await using umay = spawnUmay("", await configure());
  // By then it has read them.
  await umay.logged(({ msg }) => msg === "umay is starting");
  replace(second);
  await umay.logged(({ msg }) => msg === "umay is ready");
  for (let inARow = 0; inARow < 10; ) inARow = (await served(umay)) === "second" ? inARow + 1 : 0;
});

for (const version of ["-tls1_2", "-tls1_3"])
  test(`sessions are resumed by every worker, also after a renewal (${version})`, async () => {
    write(await issue("first"));
    await using umay = await start();
    const session = at("session");
    const resumed = async (): Promise<void> => {
      for (let round = 0; round < 6; round++)
        assert.ok((await openssl(umay.port("web"), version, "-sess_in", session)).reused);
    };
    assert.equal((await openssl(umay.port("web"), version, "-sess_out", session)).reused, false);
    await resumed();
    replace(await issue("second"));
    await serves(umay, "second");
    await resumed();
    assert.equal((await openssl(umay.port("other"), version, "-sess_in", session)).reused, false);
    const { workers } = await umay.status();
    assert.equal(workers.length, 2);
  });

test("CAs and revocation lists are renewed too, and who is revoked can't resume", async () => {
  write(await issue("server"));
  const second = await createCertificate({ commonName: "second CA", notAfter });
  const alice = await issueClient(dir, "alice", authority, { subject: "CN=alice" });
  const bob = await issueClient(dir, "bob", second, { subject: "CN=bob" });
  writeFileSync(at("ca.pem"), authority.cert);
  writeFileSync(at("crl.pem"), await revocationList(authority, []));
  await using umay = await start('client_auth = { ca = "ca.pem", crl = "crl.pem" }');
  const web = umay.port("web");
  const as = ({ cert, key }: typeof alice): string[] => ["-cert", cert, "-key", key];
  const renewals = (): number =>
    umay.log.filter(({ msg }) => msg === "CAs or revocation lists of clients were renewed").length;
  /** Until every worker has it. */
  const changed = async (outcome: boolean, ...args: string[]): Promise<void> => {
    for (let inARow = 0; inARow < 8; )
      inARow = (await openssl(web, ...args)).echoed === outcome ? inARow + 1 : 0;
  };

  assert.ok((await openssl(web, ...as(alice), "-sess_out", at("alice-session"))).echoed);
  assert.equal((await openssl(web, ...as(bob))).echoed, false);

  writeFileSync(at("both.crl"), (await revocationList(authority, [])) + (await revocationList(second, [])));
  writeFileSync(at("ca.pem"), authority.cert + second.cert);
  renameSync(at("both.crl"), at("crl.pem"));
  await changed(true, ...as(bob));
  assert.ok((await openssl(web, ...as(alice))).echoed);

  writeFileSync(
    at("crl.pem"),
    (await revocationList(authority, [alice])) + (await revocationList(second, [])),
  );
  await changed(false, ...as(alice));
  assert.equal((await openssl(web, ...as(alice), "-sess_in", at("alice-session"))).echoed, false);
  assert.ok((await openssl(web, ...as(bob))).echoed);

  const before = renewals();
  writeFileSync(at("ca.pem"), "");
  await umay.logged(({ msg }) => /ca\.pem is empty/.test(msg));
  assert.equal(renewals(), before);
  assert.equal((await openssl(web)).echoed, false);
  assert.ok((await openssl(web, ...as(bob))).echoed);
  assert.equal(await reloads(umay, "failed"), 1);
});
