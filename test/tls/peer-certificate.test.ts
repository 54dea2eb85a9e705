import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { identityError } from "../../src/tls/backend-identity.ts";
import { alternativeNames, pinOf, uriMatches } from "../../src/tls/peer-certificate.ts";
import { issue } from "../support/issue.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-peer-certificate-"));
after(() => rmSync(dir, { recursive: true, force: true }));

function certificate(name: string, ...extensions: readonly string[]): X509Certificate {
  return new X509Certificate(readFileSync(issue(dir, name, { extensions }).cert));
}

const codeOf = (error: Error | undefined): string | undefined => (error as NodeJS.ErrnoException)?.code;

test("names are told by their kind, and a name that has another one inside stays one name", () => {
  const forged = certificate(
    "forged",
    "subjectAltName=@names",
    "[names]",
    "DNS.1=a.test\\, URI:spiffe://a.test/admin\\, DNS:b.test",
    "URI.1=spiffe://a.test/web",
    "IP.1=2001:db8::1",
  );
  assert.deepEqual(alternativeNames(forged, "URI"), ["spiffe://a.test/web"]);
  assert.deepEqual(alternativeNames(forged, "DNS"), ["a.test, URI:spiffe://a.test/admin, DNS:b.test"]);
  assert.deepEqual(alternativeNames(forged, "IP Address"), ["2001:DB8:0:0:0:0:0:1"]);
  assert.deepEqual(alternativeNames(certificate("bare", "basicConstraints=CA:FALSE"), "DNS"), []);
});

test("a pattern of URIs stands for every path below it, and for nothing beside", () => {
  assert.equal(uriMatches("spiffe://a.test/web/*", "spiffe://a.test/web/1"), true);
  assert.equal(uriMatches("spiffe://a.test/web/*", "spiffe://a.test/website"), false);
  assert.equal(uriMatches("urn://a", "urn://a/b"), false);
});

test("of a backend's names one must be verified, of each kind by its own rules", () => {
  const leaf = certificate("db", "subjectAltName=DNS:*.db.test,IP:10.0.0.1,URI:spiffe://a.test/db/1");
  const verify = true;
  const host = (name: string) => ({ kind: "host", host: name }) as const;
  const uri = (text: string) => ({ kind: "uri", uri: text }) as const;
  for (const good of [host("one.db.test"), host("10.0.0.1"), uri("spiffe://a.test/db/*")])
    assert.equal(identityError({ verify, names: [host("x.test"), good] }, "y.test", leaf), undefined);
  for (const bad of [host("db.test"), host("a.b.db.test"), host("10.0.0.2"), uri("spiffe://a.test/db")])
    assert.equal(
      codeOf(identityError({ verify, names: [bad] }, "one.db.test", leaf)),
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
  const two = certificate("two", "subjectAltName=URI:spiffe://a.test/db/1,URI:https://a.test/x");
  assert.notEqual(identityError({ verify, names: [uri("spiffe://a.test/db/1")] }, "", two), undefined);
  assert.equal(identityError({ verify, names: [uri("https://a.test/x")] }, "", two), undefined);
});

test("a pinned key is asked for besides the name, and alone where nothing else is verified", () => {
  const leaf = certificate("pinned", "subjectAltName=DNS:a.test");
  const pins = [pinOf(certificate("other", "subjectAltName=DNS:a.test")), pinOf(leaf)];
  assert.equal(identityError({ verify: true, pins }, "a.test", leaf), undefined);
  assert.equal(codeOf(identityError({ verify: true, pins }, "b.test", leaf)), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(identityError({ verify: false, pins }, "b.test", leaf), undefined);
  for (const verify of [true, false])
    for (const seen of [leaf, undefined])
      assert.equal(
        codeOf(identityError({ verify, pins: pins.slice(0, 1) }, "a.test", seen)),
        "ERR_TLS_CERT_PIN",
      );
});
