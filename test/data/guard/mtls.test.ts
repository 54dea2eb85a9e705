import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createCertificate } from "../../../src/cli/create-certificate.ts";
import { MtlsJudge } from "../../../src/data/guard/mtls.ts";
import type { GuardedRequest, Verdict } from "../../../src/data/guard/step.ts";
import type { ClientRule } from "../../../src/model/client-auth.ts";
import { issueClient } from "../../support/client-certificates.ts";

using dir = mkdtempDisposableSync(join(tmpdir(), "umay-mtls-"));
const notAfter = new Date(Date.now() + 86_400_000);
const authority = await createCertificate({ commonName: "clients CA", notAfter });
const names = [{ type: "url", value: "spiffe://acme.test/web/1" }] as const;
const { cert } = await issueClient(dir.path, "alice", authority, {
  subject: "CN=alice, O=Acme",
  names: [...names],
});
const alice = new X509Certificate(readFileSync(cert));
let looks = 0;

/** A request over a connection whose client has shown this certificate. */
function requestWith(certificate: X509Certificate | undefined, secure = true): GuardedRequest {
  const client = {
    getPeerX509Certificate: () => {
      looks++;
      return certificate;
    },
  };
  const connection = { client, tls: secure ? {} : undefined } as unknown as GuardedRequest["connection"];
  return {
    connection,
    client: "192.0.2.1",
    route: "r",
    header: () => undefined,
    queryValue: () => undefined,
    passage: undefined,
  };
}

const judge = (allow: readonly ClientRule[] | undefined, request: GuardedRequest): Verdict =>
  new MtlsJudge({ kind: "mtls", name: "auth.m", allow }).judge(request);

test("a certificate that fits lets in, under its name", () => {
  const expected = { kind: "pass", user: "CN=alice, O=Acme, spiffe://acme.test/web/1" };
  const rules: readonly (readonly ClientRule[] | undefined)[] = [
    undefined,
    [{ kind: "spiffe", id: "spiffe://acme.test/web/*" }],
    [
      { kind: "dns", name: "bob.test" },
      { kind: "subject", attributes: ["O=Acme"] },
    ],
  ];
  for (const allow of rules) assert.deepEqual(judge(allow, requestWith(alice)), expected);
});

test("without one, without TLS, or with one that no rule means, nobody gets in", () => {
  const detail = (allow: readonly ClientRule[] | undefined, request: GuardedRequest): string => {
    const verdict = judge(allow, request);
    assert.ok(verdict.kind === "refuse" && verdict.reason === "auth_denied");
    return verdict.detail;
  };
  assert.equal(detail(undefined, requestWith(undefined)), "no certificate");
  assert.equal(detail(undefined, requestWith(undefined, false)), "no TLS, so no certificate");
  assert.match(
    detail([{ kind: "subject", attributes: ["CN=bob"] }], requestWith(alice)),
    /^no rule lets CN=alice/,
  );
});

test("a connection is looked at once, however many requests it has", () => {
  const guard = new MtlsJudge({ kind: "mtls", name: "auth.m", allow: undefined });
  const request = requestWith(alice);
  looks = 0;
  for (let count = 0; count < 3; count++) assert.equal(guard.judge(request).kind, "pass");
  assert.equal(looks, 1);
});
