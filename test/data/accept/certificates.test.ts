import assert from "node:assert/strict";
import { test } from "node:test";
import type { SecureContext } from "node:tls";
import { CertificateStore } from "../../../src/data/accept/certificates.ts";
import type { Certificate } from "../../../src/model/listener.ts";

const certificate = (certFile: string, ...names: string[]): Certificate => ({
  certFile,
  keyFile: "",
  cert: "",
  key: "",
  subject: "",
  names,
  notAfter: 0,
});

/** Contexts that say which certificates they were made of. */
const store = (...certificates: Certificate[]): CertificateStore =>
  new CertificateStore(
    certificates,
    (group) => group.map(({ certFile }) => certFile).join("+") as unknown as SecureContext,
  );

test("the exact name wins over the wildcard, and a wildcard stands for one label", () => {
  const names = store(
    certificate("first", "first.test"),
    certificate("wild", "*.example.com"),
    certificate("api", "api.example.com"),
  );
  assert.equal(names.find("API.example.com"), "api");
  assert.equal(names.find("www.example.com"), "wild");
  assert.equal(names.find("a.www.example.com"), undefined);
  assert.equal(names.find("example.com"), undefined);
  assert.equal(names.find(""), undefined);
  assert.equal(names.default, "first");
  assert.equal(names.single, false);
});

test("certificates of the same name share a context, from which OpenSSL takes the one that fits", () => {
  const names = store(certificate("ecdsa", "example.com"), certificate("rsa", "example.com"));
  assert.equal(names.default, "ecdsa+rsa");
  assert.equal(names.find("example.com"), "ecdsa+rsa");
  assert.equal(names.single, true);
});
