import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { openssl } from "../support/openssl.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

let echo: EchoServer;
let dir: string;
let session: string;

before(async () => {
  echo = await startEcho({ bind: "127.0.0.1:0" });
});
after(() => echo.close());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "umay-tickets-"));
  session = join(dir, "session");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Listeners `a` and `b` with these settings. */
async function start(settings: string): Promise<RunningUmay> {
  const { ecdsa } = await testCertificates();
  const listeners = ["a", "b"].map(
    (name) => `[listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "echo"
      [listeners.${name}.tls]
      session_tickets = { ${settings} }
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]`,
  );
  return startUmay(`
    workers = 2
    log.level = "debug"
    admin.bind = "127.0.0.1:0"
    ${listeners.join("\n")}
    [pools.echo]
    discovery = { type = "static", backends = ["${formatAddress(echo.address)}"] }`);
}

async function begin(umay: RunningUmay, ...args: string[]): Promise<void> {
  rmSync(session, { force: true });
  const { echoed, output } = await openssl(umay.port("a"), ...args, "-sess_out", session);
  assert.ok(echoed, output);
}

async function resumes(umay: RunningUmay, listener = "a"): Promise<boolean> {
  const { echoed, reused, output } = await openssl(umay.port(listener), "-sess_in", session);
  assert.ok(echoed, output);
  return reused;
}

/** Until every worker answers like this. */
async function becomes(umay: RunningUmay, reused: boolean): Promise<void> {
  for (let inARow = 0; inARow < 8; ) inARow = (await resumes(umay)) === reused ? inARow + 1 : 0;
}

test("a key is replaced when its time is over: clients make a full handshake then", async () => {
  await using umay = await start('rotate = "1s"');
  await begin(umay);
  await umay.logged(
    ({ msg, listener }) => msg === "the key of session tickets was replaced" && listener === "a",
  );
  await becomes(umay, false);
});

test("without tickets there is nothing to resume", async () => {
  await using umay = await start("enabled = false");
  for (const version of ["-tls1_2", "-tls1_3"]) {
    await openssl(umay.port("a"), version, "-sess_out", session);
    if (existsSync(session)) assert.equal(await resumes(umay), false);
  }
});

test("machines that share a file of keys resume each other's sessions, also after the key was replaced", async () => {
  const file = join(dir, "tickets.key");
  writeFileSync(file, randomBytes(48));
  const settings = `keys_file = "${file}", rotate = "1s"`;
  await using one = await start(settings);
  await using other = await start(settings);
  await begin(one);
  assert.equal(await resumes(one), true);
  assert.equal(await resumes(other), true);
  assert.equal(await resumes(one, "b"), false);

  writeFileSync(join(dir, "next"), randomBytes(48).toString("base64"));
  renameSync(join(dir, "next"), file);
  for (const umay of [one, other]) await becomes(umay, false);
  await begin(other);
  for (const umay of [one, other]) await becomes(umay, true);
  assert.equal(await one.metric("umay_certificate_reloads_total", { listener: "a", result: "applied" }), 1);

  writeFileSync(file, "half a key");
  const { msg } = await one.logged(({ msg }) => msg.includes(file));
  assert.match(msg, /tickets\.key holds words; expected one key/);
  assert.equal(await resumes(one), true);
  assert.equal(one.log.filter(({ msg }) => msg === "the key of session tickets was replaced").length, 0);
});
