import assert from "node:assert/strict";
import { test } from "node:test";
import type { SecureContext } from "node:tls";
import { CertificateStore } from "../../../src/data/accept/certificates.ts";
import type { Certificate } from "../../../src/model/material.ts";

const certificate = (file: string, keyType: string, ...names: string[]): Certificate => ({
  source: { kind: "file", cert: file, key: "" },
  cert: "",
  key: "",
  subject: "",
  keyType,
  names,
  notAfter: 0,
});

/** Contexts that say which certificates they were made of. */
function store(...certificates: Certificate[]): { names: CertificateStore; made: string[] } {
  const made: string[] = [];
  const names = new CertificateStore(certificates, (group) => {
    made.push(group.map(({ source }) => source.cert).join("+"));
    return made.at(-1) as unknown as SecureContext;
  });
  return { names, made };
}

test("the exact name wins over the wildcard, a wildcard stands for one label, and the first is the default", () => {
  const { names } = store(
    certificate("first", "ec", "first.test"),
    certificate("wild", "ec", "*.example.com"),
    certificate("api", "ec", "api.example.com"),
  );
  assert.equal(names.find("api.example.com"), "api");
  assert.equal(names.find("www.example.com"), "wild");
  for (const uncovered of ["a.www.example.com", "example.com", ""]) {
    assert.equal(names.find(uncovered), "first");
    assert.equal(names.covers(uncovered), false);
  }
  assert.equal(names.covers("www.example.com"), true);
  assert.equal(names.single, false);
});

test("a choice says what was found, by which name, and makes no context", () => {
  const { names, made } = store(
    certificate("first", "ec", "first.test"),
    certificate("wild", "ec", "*.example.com"),
    certificate("api", "ec", "api.example.com"),
    certificate("api-rsa", "rsa", "api.example.com"),
  );
  const choice = (name: string): unknown => {
    const { certificates, by, pattern } = names.choice(name);
    return [certificates.map(({ source }) => source.cert).join("+"), by, pattern];
  };
  assert.deepEqual(choice("api.example.com"), ["api+api-rsa", "exact", "api.example.com"]);
  assert.deepEqual(choice("www.example.com"), ["wild", "wildcard", "*.example.com"]);
  for (const uncovered of ["a.www.example.com", "example.com", ""])
    assert.deepEqual(choice(uncovered), ["first", "default", undefined]);
  assert.deepEqual(made, ["first"]);
});

test("certificates of the same name with different keys share a context, from which OpenSSL takes the one that fits", () => {
  const { names } = store(
    certificate("ecdsa", "ec", "example.com"),
    certificate("rsa", "rsa", "example.com"),
  );
  assert.equal(names.find("example.com"), "ecdsa+rsa");
  assert.equal(names.find(""), "ecdsa+rsa");
  assert.equal(names.single, true);
});

test("of certificates with the same name and type of key the first counts", () => {
  const { names } = store(
    certificate("first", "ec", "a.test", "both.test"),
    certificate("second", "ec", "both.test", "b.test"),
    certificate("third", "rsa", "both.test"),
  );
  assert.equal(names.find("both.test"), "first+third");
  assert.equal(names.find("a.test"), "first");
  assert.equal(names.find("b.test"), "second");
});

test("a certificate is found by its IP addresses as by its names, and needs no look where it is the only one", () => {
  const addressed = { ...certificate("addressed", "ec", "a.test"), addresses: ["10.0.0.1", "2001:db8::1"] };
  assert.equal(store(addressed).names.single, true);
  const { names } = store(certificate("first", "ec", "first.test"), addressed);
  assert.equal(names.hasAddresses, true);
  assert.equal(names.single, false);
  for (const known of ["10.0.0.1", "2001:db8::1"]) assert.equal(names.find(known), "addressed");
  for (const unknown of ["10.0.0.2", ""]) assert.equal(names.find(unknown), "first");
  assert.equal(store(certificate("first", "ec", "first.test")).names.hasAddresses, false);
});

test("a certificate without a name can be the default", () => {
  const { names } = store(certificate("nameless", "ec"), certificate("other", "ec", "other.test"));
  assert.equal(names.find("x.test"), "nameless");
  assert.equal(names.single, false);
});

test("a context is made once, when its name is first asked for, and the default's at once", () => {
  const { names, made } = store(
    certificate("a", "ec", "a.test"),
    certificate("b", "ec", "b.test", "*.b.test"),
  );
  assert.deepEqual(made, ["a"]);
  for (const name of ["b.test", "x.b.test", "b.test", "a.test", "unknown.test"]) names.find(name);
  assert.deepEqual(made, ["a", "b"]);
});
