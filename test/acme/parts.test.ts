import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { AccountKey, bindExternally } from "../../src/acme/jws.ts";
import { AcmeError, errorOf, retryAfterOf } from "../../src/acme/problem.ts";
import { backoffOf, usualTime, waitAfter } from "../../src/acme/schedule.ts";
import { renewalId } from "../../src/acme/x509.ts";
import { createCertificate } from "../../src/cli/create-certificate.ts";

test("a signature is that of RFC 7515, over the header and the payload as they are sent", () => {
  const key = new AccountKey(AccountKey.generate());
  const jws = key.sign({ nonce: "n", url: "https://a.test/", kid: "k" }, { b: 1 });
  const header = JSON.parse(Buffer.from(jws.protected, "base64url").toString());
  assert.deepEqual(header, { alg: "ES256", nonce: "n", url: "https://a.test/", kid: "k" });
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`);
  const by = { key: createPublicKey({ key: key.jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  assert.ok(verify("sha256", signed, by, Buffer.from(jws.signature, "base64url")));
  assert.equal(key.sign({}, undefined).payload, "");
  assert.match(key.authorize("token"), /^token\.[\w-]{43}$/);
});

test("an external account is bound by HMAC, with the account's key as payload", () => {
  const jws = bindExternally({ kty: "EC" }, "kid-1", "AQ", "https://a.test/new");
  assert.deepEqual(JSON.parse(Buffer.from(jws.payload, "base64url").toString()), { kty: "EC" });
  assert.match(jws.signature, /^[\w-]{43}$/);
});

test("the name of a certificate in renewal information is that of RFC 9773, appendix A", () => {
  const pem = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;
  assert.equal(renewalId(pem), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
});

test("the authority's words are told without control characters, and not without end", () => {
  const { message, type } = errorOf("the order", 400, {
    type: "urn:ietf:params:acme:error:malformed",
    detail: `no\n\u001b[31m${"x".repeat(5_000)}`,
    subproblems: [{ detail: "sub" }],
  });
  assert.equal(type, "malformed");
  assert.match(message, /^the order: malformed: no {2}\[31mx+$/);
  assert.ok(message.length < 400);
  assert.equal(errorOf("it", 502, "<html>").message, "it: status 502");
});

test("Retry-After is seconds or a date", () => {
  assert.equal(retryAfterOf("120"), 120_000);
  assert.equal(retryAfterOf("Thu, 01 Jan 1970 00:01:00 GMT", 0), 60_000);
  assert.equal(retryAfterOf("Thu, 01 Jan 1970 00:01:00 GMT", 120_000), 0);
  assert.equal(retryAfterOf("soon"), undefined);
});

test("without a suggestion a certificate is renewed with a third of its lifetime left, a short one with half", async () => {
  const day = 86_400_000;
  const at = async (days: number, draw: number): Promise<number> => {
    const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000);
    const notAfter = new Date(notBefore.getTime() + days * day);
    const { cert } = await createCertificate({ commonName: "a", notBefore, notAfter });
    return (usualTime(cert, draw) - notBefore.getTime()) / day;
  };
  assert.deepEqual([await at(90, 0), await at(6, 0), await at(90, 1)], [60, 3, 55.5]);
});

test("each failure doubles the time to the next try, up to a day", () => {
  assert.deepEqual(
    [1, 2, 3, 30].map((failures) => backoffOf(failures, 120_000)),
    [120_000, 240_000, 480_000, 86_400_000],
  );
});

test("what an authority asks for is waited for, but not for more than a week", () => {
  const day = 86_400_000;
  const wait = (...problem: ConstructorParameters<typeof AcmeError>): number =>
    waitAfter(new AcmeError(...problem), 1, 1_000, Number.POSITIVE_INFINITY);
  assert.equal(wait("no", "rateLimited"), 3_600_000);
  assert.equal(wait("no", "rateLimited", 2 * day), 2 * day);
  assert.equal(wait("no", "", 30 * day), 7 * day);
  for (const usual of [wait("no"), wait("no", "", 5), waitAfter(new Error("no"), 1, 1_000, -1)])
    assert.ok(usual >= 900 && usual <= 1_100, `${usual}`);
});

test("while a certificate is served, a try comes in half of its time at most, but not sooner than the authority asks", () => {
  const wait = (left: number, error = new Error("no")): number => waitAfter(error, 5, 120_000, left);
  assert.deepEqual([wait(60_000), wait(3_000_000), wait(2_000)], [30_000, 1_500_000, 5_000]);
  assert.equal(wait(60_000, new AcmeError("no", "rateLimited", 90_000)), 90_000);
  for (const left of [0, -1, 90 * 86_400_000]) assert.ok(wait(left) > 1_700_000, String(left));
});
