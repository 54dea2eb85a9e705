import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chainWarnings, type Peers } from "../../src/material/lint.ts";
import { type IssueOptions, issue } from "../support/issue.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-lint-"));
after(() => rmSync(dir, { recursive: true, force: true }));

/** A certificate begins in the present second, or the next by the clock of this process. */
const soon = (): number => Date.now() + 60_000;

function warnings(options: IssueOptions, peers: Peers = "clients", now = soon()): readonly string[] {
  const { cert } = issue(dir, "leaf", options);
  return [...chainWarnings([new X509Certificate(readFileSync(cert))], peers, now)];
}

test("a certificate that asks for stapling is warned of where clients see it", () => {
  const options = { extensions: ["tlsfeature=status_request"] };
  assert.deepEqual(warnings(options), [
    "the certificate asks for a stapled OCSP answer (must-staple), which umay does not give; some clients will refuse it, get one without",
  ]);
  assert.equal(warnings({ extensions: ["tlsfeature=status_request,status_request_v2"] }).length, 1);
  assert.deepEqual(warnings({ extensions: ["tlsfeature=status_request_v2"] }), []);
  assert.deepEqual(warnings(options, "backends"), []);
});

test("a certificate that is meant for others than it is shown as is warned of", () => {
  const meant = (usage: string, peers: Peers): readonly string[] =>
    warnings({ extensions: [`extendedKeyUsage=${usage}`] }, peers);
  assert.deepEqual(meant("clientAuth", "clients"), [
    "the certificate is not meant for servers (extended key usage); clients will refuse it, get one that is",
  ]);
  assert.deepEqual(meant("serverAuth", "backends"), [
    "the certificate is not meant for clients (extended key usage); backends will refuse it, get one that is",
  ]);
  for (const peers of ["clients", "backends"] as const)
    for (const usage of ["serverAuth,clientAuth", "anyExtendedKeyUsage"])
      assert.deepEqual(meant(usage, peers), []);
});

test("a key on a curve that TLS 1.3 can't sign on is warned of", () => {
  assert.deepEqual(warnings({ curve: "secp256k1" }), [
    "the certificate has a key on the curve secp256k1, and TLS 1.3 has signatures on P-256, P-384 and P-521 only; most clients will refuse the handshake",
  ]);
  for (const curve of ["P-256", "P-384", "P-521"]) assert.deepEqual(warnings({ curve }), []);
});

test("a certificate is warned of before it is valid, in its last 30 days, and after its end", () => {
  const day = 86_400_000;
  const at = (days: number): string => warnings({}, "clients", soon() + days * day).join();
  assert.match(at(-1), /^the certificate is not valid before /);
  assert.equal(at(330), "");
  assert.match(at(340), /^the certificate expires on .*, in 2[45] days; renew it$/);
  assert.match(at(366), /^the certificate expired on .*; clients will refuse it, renew it$/);
});
