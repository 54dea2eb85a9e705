import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { openssl } from "../support/openssl.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

let echo: EchoServer;
let umay: RunningUmay;

before(async () => {
  const { ecdsa, rsa, otherName } = await testCertificates();
  echo = await startEcho({ bind: "127.0.0.1:0" });
  const certificates = [otherName, ecdsa, rsa, ecdsa].map(
    ({ cert, key }) => `{ cert = "${cert}", key = "${key}" }`,
  );
  umay = await startUmay(`
    workers = 1
    listeners.web = { bind = "127.0.0.1:0", pool = "echo", tls.certificates = [${certificates.join(", ")}] }
    listeners.second = { bind = "127.0.0.2:0", pool = "echo", tls.certificates = [${certificates.join(", ")}] }
    listeners.strict = { bind = "127.0.0.1:0", pool = "echo", tls = { strict_sni = true, certificates = [${certificates[1]}] } }
    pools.echo.discovery = { type = "static", backends = ["${formatAddress(echo.address)}"] }`);
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await echo?.close();
});

/** The subject and the kind of signature that a client gets. */
async function served(...args: string[]): Promise<string> {
  const { output, echoed } = await openssl(umay.port("web"), ...args);
  assert.ok(echoed, output);
  const subject = /^subject=CN ?= ?(.+)$/m.exec(output)?.[1];
  return `${subject} ${/^Peer signature type: (.+)$/m.exec(output)?.[1]}`;
}

for (const version of ["-tls1_2", "-tls1_3"])
  test(`a name with an ECDSA and an RSA certificate serves clients of either kind (${version})`, async () => {
    const name = [version, "-servername", "LOCALHOST"];
    assert.equal(await served(...name, "-sigalgs", "ECDSA+SHA256"), "localhost ECDSA");
    assert.equal(await served(...name, "-sigalgs", "rsa_pss_rsae_sha256"), "localhost RSA-PSS");
  });

test("names are matched exactly, then by wildcard, and the rest gets the first certificate", async () => {
  for (const name of ["other.test", "a.other.test", "a.b.other.test", "elsewhere.test"])
    assert.equal(await served("-servername", name), "other.test ECDSA");
  assert.equal(await served("-servername", "localhost", "-sigalgs", "ECDSA+SHA256"), "localhost ECDSA");
});

test("a client without a name gets a certificate with the address that it connected to, or the first one", async () => {
  const nameless = ["-noservername", "-sigalgs", "ECDSA+SHA256"];
  assert.equal(await served(...nameless), "localhost ECDSA");
  const elsewhere = ["-connect", `127.0.0.2:${umay.port("second")}`];
  assert.equal(await served(...nameless, ...elsewhere), "other.test ECDSA");
  const strict = await openssl(umay.port("strict"), ...nameless);
  assert.ok(strict.echoed, "the address is covered");
});
