import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { type CreatedCertificate, createCertificate } from "../../../src/cli/create-certificate.ts";
import { judgeClient } from "../../../src/data/accept/client-auth.ts";
import type { ClientAuth, ClientRule } from "../../../src/model/client-auth.ts";
import { type ClientOptions, issueClient } from "../../support/client-certificates.ts";
import { authorities } from "../../support/material.ts";

const dayMs = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), "umay-client-auth-"));
after(() => rmSync(dir, { recursive: true, force: true }));
let issuer: CreatedCertificate;

before(async () => {
  issuer = await createCertificate({ commonName: "CA", notAfter: new Date(Date.now() + dayMs) });
});

async function leafOf(options: ClientOptions): Promise<X509Certificate> {
  return new X509Certificate(readFileSync((await issueClient(dir, "leaf", issuer, options)).cert));
}

/** A client whose handshake is over, as Node shows it. */
function socket(leaf: X509Certificate | undefined, ssl: unknown = { verifyError: () => null }): TLSSocket {
  return { getPeerX509Certificate: () => leaf, ssl } as unknown as TLSSocket;
}

const policy = (mode: ClientAuth["mode"], ...allow: ClientRule[]): ClientAuth => ({
  mode,
  ca: authorities(""),
  crl: undefined,
  allow: allow.length === 0 ? undefined : allow,
});

async function isAllowed(options: ClientOptions, ...allow: ClientRule[]): Promise<boolean> {
  const { refusal } = judgeClient(socket(await leafOf(options)), policy("require", ...allow));
  assert.ok(refusal === undefined || refusal.result === "client_not_allowed");
  return refusal === undefined;
}

test("no certificate is fine only where it is optional", () => {
  assert.deepEqual(judgeClient(socket(undefined), policy("optional")), { client: "", refusal: undefined });
  const { refusal } = judgeClient(socket(undefined), policy("require"));
  assert.equal(refusal?.result, "client_certificate_missing");
});

test("what Node does not say about a certificate counts against it", async () => {
  const leaf = await leafOf({ subject: "CN=a" });
  for (const ssl of [null, {}, { verifyError: () => undefined }])
    for (const mode of ["optional", "require"] as const) {
      const { refusal } = judgeClient(socket(leaf, ssl), policy(mode));
      assert.equal(refusal?.result, "client_certificate_invalid");
    }
});

test("a certificate that expired since the handshake of the session that is resumed is refused", async () => {
  const leaf = await leafOf({ subject: "CN=a", notAfter: new Date(Date.now() - 1000) });
  assert.deepEqual(judgeClient(socket(leaf), policy("require")).refusal, {
    result: "client_certificate_invalid",
    detail: "certificate has expired (CERT_HAS_EXPIRED)",
    alert: "certificate_expired",
  });
});

test("a client is named by its subject and SPIFFE ID, else by its serial number, in 256 characters at the most", async () => {
  const name = async (options: ClientOptions): Promise<string> =>
    judgeClient(socket(await leafOf(options)), policy("require")).client;
  const names = [{ type: "url", value: "spiffe://a.test/b" }] as const;
  assert.equal(await name({ subject: "CN=a\\, b, O=c" }), "CN=a\\, b, O=c");
  assert.equal(await name({ subject: "O=SPIRE", names: [...names] }), "O=SPIRE, spiffe://a.test/b");
  assert.match(await name({ subject: "" }), /^serial [0-9A-F]+$/);
  assert.equal((await name({ subject: `CN=${"x".repeat(500)}` })).length, 256);
  assert.equal(await name({ subject: "CN=a\u009b31m\u202eb" }), "CN=a?31m?b");
});

test("a SPIFFE ID is matched exactly or by the path above it, and only where it is the one URI", async () => {
  const url = (...values: string[]): ClientOptions => ({
    subject: "CN=a",
    names: values.map((value) => ({ type: "url", value })),
  });
  const exact = { kind: "spiffe", id: "spiffe://a.test/web" } as const;
  const below = { kind: "spiffe", id: "spiffe://a.test/web/*" } as const;
  assert.equal(await isAllowed(url("spiffe://a.test/web"), exact), true);
  assert.equal(await isAllowed(url("spiffe://a.test/web/1"), exact), false);
  assert.equal(await isAllowed(url("spiffe://a.test/WEB"), exact), false);
  assert.equal(await isAllowed(url("spiffe://a.test/web/1/2"), below), true);
  for (const other of ["spiffe://a.test/web", "spiffe://a.test/website/1", "spiffe://b.test/web/1"])
    assert.equal(await isAllowed(url(other), below), false, other);
  assert.equal(await isAllowed(url("spiffe://a.test/web", "spiffe://a.test/other"), exact), false);
  assert.equal(await isAllowed({ subject: "CN=spiffe://a.test/web" }, exact), false);
});

test("a name inside another kind of name is no name", async () => {
  const names: ClientOptions["names"] = [
    { type: "url", value: 'http://x", DNS:a.test, URI:spiffe://a.test/web' },
    { type: "email", value: "x, DNS:a.test" },
    { type: "dns", value: "x, DNS:a.test" },
  ];
  const rules: ClientRule[] = [
    { kind: "dns", name: "a.test" },
    { kind: "spiffe", id: "spiffe://a.test/web" },
  ];
  assert.equal(await isAllowed({ subject: "CN=x\\, DNS:a.test", names }, ...rules), false);
  const real = [...names, { type: "dns", value: "A.test" } as const];
  assert.equal(await isAllowed({ subject: "CN=x", names: real }, ...rules), true);
});

test("subject attributes must all be there, whatever their order, and an attribute inside a value is none", async () => {
  const rule = { kind: "subject", attributes: ["CN=alice", "O=Acme, Inc."] } as const;
  assert.equal(await isAllowed({ subject: "O=Acme\\, Inc., OU=x, CN=alice" }, rule), true);
  assert.equal(await isAllowed({ subject: "CN=alice, O=Acme" }, rule), false);
  assert.equal(await isAllowed({ subject: "CN=alice" }, rule), false);
  assert.equal(await isAllowed({ subject: "O=Acme\\, Inc., CN=bob, OU=x\\0ACN\\=alice" }, rule), false);
  assert.equal(await isAllowed({ subject: "O=Acme\\, Inc., CN=bob, OU=x\\+CN\\=alice" }, rule), false);
  assert.equal(await isAllowed({ subject: "" }, rule), false);
});

test("an IP address is matched in its range, and only among the certificate's IP addresses", async () => {
  const rule = (address: string, prefix: number): ClientRule => ({
    kind: "ip",
    range: { family: address.includes(":") ? "ipv6" : "ipv4", address, prefix },
  });
  const names: ClientOptions["names"] = [
    { type: "ip", value: "10.1.2.3" },
    { type: "ip", value: "2001:db8::7" },
    { type: "dns", value: "192.0.2.1" },
  ];
  assert.equal(await isAllowed({ subject: "CN=a", names }, rule("10.1.2.3", 32)), true);
  assert.equal(await isAllowed({ subject: "CN=a", names }, rule("10.1.0.0", 16)), true);
  assert.equal(await isAllowed({ subject: "CN=a", names }, rule("2001:db8::", 32)), true);
  assert.equal(await isAllowed({ subject: "CN=a", names }, rule("10.2.0.0", 16)), false);
  assert.equal(await isAllowed({ subject: "CN=a", names }, rule("192.0.2.1", 32)), false);
});

test("without CAs only the key counts, and without rules nobody is let in", async () => {
  const { pin } = await issueClient(dir, "known", issuer, {
    subject: "CN=known",
    notAfter: new Date(Date.now() - 1000),
  });
  const leaf = new X509Certificate(readFileSync(join(dir, "known.pem")));
  const untrusted = { verifyError: () => new Error("self-signed") };
  const keys = (...allow: ClientRule[]): ClientAuth => ({ ...policy("require", ...allow), ca: undefined });
  const rule: ClientRule = { kind: "sha256", pin: pin.toString("base64") };
  assert.equal(judgeClient(socket(leaf, untrusted), keys(rule)).refusal, undefined);
  for (const other of [keys({ kind: "sha256", pin: "AAAA" }), keys()])
    assert.equal(judgeClient(socket(leaf, untrusted), other).refusal?.result, "client_not_allowed");
  assert.equal(judgeClient(socket(undefined), keys(rule)).refusal?.result, "client_certificate_missing");
});

test("one rule of several is enough, and none of them is not", async () => {
  const { pin } = await issueClient(dir, "pinned", issuer, { subject: "CN=pinned" });
  const leaf = new X509Certificate(readFileSync(join(dir, "pinned.pem")));
  const nobody: ClientRule = { kind: "dns", name: "nobody.test" };
  const pinned: ClientRule = { kind: "sha256", pin: pin.toString("base64") };
  assert.equal(judgeClient(socket(leaf), policy("optional", nobody, pinned)).refusal, undefined);
  assert.equal(judgeClient(socket(leaf), policy("optional", nobody)).refusal?.result, "client_not_allowed");
  assert.equal(await isAllowed({ subject: "CN=pinned" }, pinned), false);
});
