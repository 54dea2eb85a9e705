import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { type ClientCertificate, issueClient, revocationList } from "../support/client-certificates.ts";
import { type EchoReport, openssl } from "../support/openssl.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const dayMs = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), "umay-clients-"));
const inDir = (name: string): string => join(dir, name);
let echo: EchoServer;
let umay: RunningUmay;
let authority: CreatedCertificate;
const clients = {} as Record<
  "alice" | "expired" | "early" | "stranger" | "revoked" | "server" | "mallory",
  ClientCertificate
>;

before(async () => {
  const notAfter = new Date(Date.now() + dayMs);
  authority = await createCertificate({ commonName: "clients CA", notAfter });
  const other = await createCertificate({ commonName: "other CA", notAfter });
  writeFileSync(inDir("ca.pem"), authority.cert);
  const issue = (file: string, options: object = {}, issuer = authority): Promise<ClientCertificate> =>
    issueClient(dir, file, issuer, { subject: `CN=${file}, O=Acme`, ...options });
  const names = [
    { type: "url", value: "spiffe://acme.test/web/1" },
    { type: "dns", value: "Alice.acme.test" },
  ];
  clients.alice = await issue("alice", { names });
  clients.expired = await issue("expired", { notAfter: new Date(Date.now() - dayMs) });
  clients.early = await issue("early", { notBefore: new Date(Date.now() + dayMs / 2) });
  clients.stranger = await issue("stranger", {}, other);
  clients.revoked = await issue("revoked");
  clients.server = await issue("server", { usage: "server" });
  clients.mallory = await issue("mallory", {
    names: [
      { type: "url", value: "http://x/, URI:spiffe://acme.test/web/1" },
      { type: "dns", value: "evil-alice.acme.test.evil" },
    ],
  });
  writeFileSync(inDir("crl.pem"), await revocationList(authority, [clients.revoked]));

  const { ecdsa, otherName } = await testCertificates();
  const { pin } = clients.alice;
  const policies: Readonly<Record<string, string>> = {
    none: 'mode = "none"',
    optional: 'mode = "optional", ca = "ca.pem"',
    required: 'ca = "ca.pem"',
    unrevoked: 'ca = "ca.pem", crl = "crl.pem"',
    spiffe: 'ca = "ca.pem", allow = ["spiffe://acme.test/web/*"]',
    dns: 'ca = "ca.pem", allow = ["dns:nobody.test", "dns:alice.acme.test"]',
    below: 'ca = "ca.pem", allow = ["dns:*.acme.test"]',
    subject: 'ca = "ca.pem", allow = ["subject:O=Acme,CN=alice"]',
    pin: `ca = "ca.pem", allow = ["sha256:${pin.toString("base64")}"]`,
    keys: `allow = ["sha256:${pin.toString("base64")}", "sha256:${clients.stranger.pin.toString("hex")}"]`,
    hexpin: `ca = "ca.pem", allow = ["sha256:${pin.toString("hex")}"]`,
  };
  const listeners = Object.entries(policies).map(
    ([name, policy]) => `[listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "echo"
      [listeners.${name}.tls]
      client_auth = { ${policy} }
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }, { cert = "${otherName.cert}", key = "${otherName.key}" }]`,
  );
  echo = await startEcho({ bind: "127.0.0.1:0" });
  writeFileSync(
    inDir("umay.toml"),
    `workers = 2
    log.level = "debug"
    admin.bind = "127.0.0.1:0"
    ${listeners.join("\n")}
    [pools.echo]
    discovery = { type = "static", backends = ["${formatAddress(echo.address)}"] }`,
  );
  umay = await startUmay("", { args: ["--config", inDir("umay.toml")] });
});

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  await echo?.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Outcome extends EchoReport {
  /** The session's line in the log. */
  readonly line: LogLine;
}

/** Connects, one client after the other. */
async function connect(
  listener: string,
  client: ClientCertificate | undefined,
  ...args: string[]
): Promise<Outcome> {
  const before = umay.sessions.length;
  const credentials = client === undefined ? [] : ["-cert", client.cert, "-key", client.key];
  const report = await openssl(umay.port(listener), ...credentials, ...args);
  return { ...report, line: await umay.session((line) => umay.sessions.indexOf(line) >= before) };
}

function handshakes(listener: string, result: string): Promise<number> {
  return umay.metric("umay_tls_handshakes_total", { listener, result });
}

async function backendConnections(): Promise<number> {
  return (await umay.status()).pools["echo"]!.backends[0]!.connections_total;
}

const noIssuer = "unable to get local issuer certificate (UNABLE_TO_GET_ISSUER_CERT_LOCALLY)";

for (const version of ["-tls1_2", "-tls1_3"]) {
  test(`a good certificate is let in and named in the log (${version})`, async () => {
    const { echoed, line, output } = await connect("required", clients.alice, version);
    assert.ok(echoed, output);
    assert.equal(line["client_cert"], "CN=alice, O=Acme, spiffe://acme.test/web/1");
    assert.equal(line["tls_error"], undefined);
    assert.ok(output.includes("CN = clients CA"), "the client is told which CAs are trusted");
  });

  test(`without a certificate no backend is connected (${version})`, async () => {
    const [failed, connected] = [
      await handshakes("required", "client_certificate_missing"),
      await backendConnections(),
    ];
    const { echoed, line, output } = await connect("required", undefined, version);
    assert.equal(echoed, false);
    assert.match(output, version === "-tls1_2" ? /alert handshake failure/ : /alert certificate required/);
    assert.equal(line["reason"], "handshake_failed");
    assert.equal(line["level"], "debug");
    assert.match(String(line["tls_error"]), /^client_certificate_missing: peer did not return a certificate/);
    assert.equal(line["client_cert"], undefined);
    assert.equal(await handshakes("required", "client_certificate_missing"), failed + 1);
    assert.equal(await backendConnections(), connected);
  });

  for (const [who, listener, alert, error] of [
    ["expired", "required", "certificate expired", "certificate has expired (CERT_HAS_EXPIRED)"],
    ["early", "required", "bad certificate", "certificate is not yet valid (CERT_NOT_YET_VALID)"],
    ["stranger", "required", "unknown ca", noIssuer],
    ["stranger", "optional", "unknown ca", noIssuer],
    ["server", "required", "unsupported certificate", "unsuitable certificate purpose (INVALID_PURPOSE)"],
    ["revoked", "unrevoked", "certificate revoked", "certificate revoked (CERT_REVOKED)"],
  ] as const)
    test(`${who} is refused where certificates are ${listener}, with the reason, and no backend is connected (${version})`, async () => {
      const [failed, connected] = [
        await handshakes(listener, "client_certificate_invalid"),
        await backendConnections(),
      ];
      const { echoed, line, output } = await connect(listener, clients[who], version);
      assert.equal(echoed, false);
      assert.match(output, new RegExp(`alert ${alert}`));
      assert.equal(line["reason"], "handshake_failed");
      assert.equal(line["level"], "info");
      assert.equal(line["tls_error"], `client_certificate_invalid: ${error}`);
      assert.equal(line["client_cert"], `CN=${who}, O=Acme`);
      assert.equal(await handshakes(listener, "client_certificate_invalid"), failed + 1);
      assert.equal(await backendConnections(), connected);
    });
}

test("a certificate is verified under every server name", async () => {
  for (const name of ["localhost", "other.test", "a.other.test", "unknown.test"]) {
    assert.ok((await connect("required", clients.alice, "-servername", name)).echoed);
    assert.equal((await connect("required", clients.stranger, "-servername", name)).echoed, false);
    assert.equal((await connect("required", undefined, "-servername", name)).echoed, false);
  }
});

test("where revocation is checked, others of the same CA are let in, and elsewhere the revoked one is too", async () => {
  assert.ok((await connect("unrevoked", clients.alice)).echoed);
  assert.ok((await connect("required", clients.revoked)).echoed);
});

test("where a certificate is optional, none and a good one are fine", async () => {
  const { line, echoed } = await connect("optional", undefined);
  assert.ok(echoed);
  assert.equal(line["client_cert"], undefined);
  assert.equal(
    (await connect("optional", clients.alice)).line["client_cert"],
    "CN=alice, O=Acme, spiffe://acme.test/web/1",
  );
});

test("where the mode is none, nobody is asked", async () => {
  const { output, echoed } = await connect("none", clients.stranger);
  assert.ok(echoed);
  assert.match(output, /No client certificate CA names sent/);
});

for (const listener of ["spiffe", "dns", "below", "subject", "pin", "hexpin"])
  test(`the allow-list by ${listener} lets in the one and nobody else`, async () => {
    assert.ok((await connect(listener, clients.alice)).echoed);
    const [failed, connected] = [
      await handshakes(listener, "client_not_allowed"),
      await backendConnections(),
    ];
    for (const other of [clients.mallory, clients.revoked]) {
      const { line, echoed, output } = await connect(listener, other);
      assert.equal(echoed, false);
      assert.match(output, /alert access denied/);
      assert.match(String(line["tls_error"]), /^client_not_allowed: CN=(mallory|revoked), O=Acme/);
      assert.equal(line["level"], "info");
    }
    assert.equal(await handshakes(listener, "client_not_allowed"), failed + 2);
    assert.equal(await backendConnections(), connected);
  });

for (const version of ["-tls1_2", "-tls1_3"])
  test(`without CAs whoever has a pinned key is let in, and nobody else (${version})`, async () => {
    for (const known of [clients.alice, clients.stranger])
      assert.ok((await connect("keys", known, version)).echoed);
    const { line, echoed } = await connect("keys", clients.mallory, version);
    assert.equal(echoed, false);
    assert.match(String(line["tls_error"]), /^client_not_allowed: CN=mallory/);
    assert.match(String((await connect("keys", undefined, version)).line["tls_error"]), /_missing/);
  });

for (const version of ["-tls1_2", "-tls1_3"])
  test(`a session is resumed with its authorisation, by any worker, and by no listener with another policy (${version})`, async () => {
    const session = inDir(`session${version}`);
    assert.ok((await connect("required", clients.alice, version, "-sess_out", session)).echoed);
    // Without a certificate this time: the ticket speaks for the client.
    for (let round = 0; round < 8; round++) {
      const { line, echoed, output } = await connect("required", undefined, version, "-sess_in", session);
      assert.ok(echoed, output);
      assert.match(output, /^Reused, /m);
      assert.equal(line["client_cert"], "CN=alice, O=Acme, spiffe://acme.test/web/1");
    }
    for (const other of ["optional", "none", "spiffe", "unrevoked"])
      assert.equal((await connect(other, clients.alice, version, "-sess_in", session)).reused, false, other);
  });

test("a client that is refused gets no ticket that it could come back with", async () => {
  for (const version of ["-tls1_2", "-tls1_3"])
    for (const [listener, who] of [
      ["required", "stranger"],
      ["subject", "mallory"],
    ] as const) {
      const session = inDir(`refused${version}-${who}`);
      await connect(listener, clients[who], version, "-sess_out", session);
      assert.equal(existsSync(session), false);
    }
});
