import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Storage } from "../../src/acme/storage.ts";
import type { AcmeSettings } from "../../src/model/acme.ts";
import { authority, dir, fileOf, keepFor, until, valid, wanting } from "../support/keepers.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";
import { Zone } from "../support/zone.ts";

/** By which a keeper sets records. Nobody looks for them but the authority. */
const byDns = (zone: Zone, propagation = 0): Partial<AcmeSettings> => ({
  dns: {
    command: [zone.program],
    environment: zone.environment,
    timeout: patient(20_000),
    propagation,
    nameservers: [noNameserver],
  },
});
/** Nothing listens there. */
const noNameserver = "127.0.0.1:1";

const record = "_acme-challenge.a.test";

test("a wildcard and the name above it are proven by two values at once, and share a certificate that says so", async () => {
  const zone = new Zone(dir);
  const seen: (readonly string[])[] = [];
  authority.ports.dns = (name) => {
    const values = zone.valuesOf(name);
    seen.push(values);
    return values;
  };
  const both = wanting("dns-01", ["*.a.test", "a.test"]);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"]), { ...both, name: "api" }], byDns(zone));
  const { listeners } = await until(keeper, valid);
  assert.deepEqual(listeners, ["web", "api"]);
  assert.deepEqual(
    authority.orders.map(({ names }) => names),
    [["*.a.test", "a.test"]],
  );
  const { subjectAltName } = new X509Certificate(readFileSync(fileOf("*.a.test"), "utf8"));
  assert.equal(subjectAltName, "DNS:*.a.test, DNS:a.test");
  assert.deepEqual(
    seen.map(({ length }) => length),
    [2, 2],
  );
  assert.deepEqual(
    zone.calls.map((call) => call.split(" ", 2).join(" ")),
    [`set ${record}`, `set ${record}`, `unset ${record}`, `unset ${record}`],
  );
  assert.deepEqual(zone.valuesOf(record), []);
  assert.ok(fileOf("*.a.test").endsWith("/+.a.test.pem"));
  await keeper.stop();
});

test("a certificate that lacks a name that is wanted by now is replaced", async () => {
  const zone = new Zone(dir);
  authority.ports.dns = zone.valuesOf;
  const first = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone));
  await until(first, valid);
  await first.stop();
  await until(keepFor([wanting("dns-01", ["*.a.test", "a.test"])], byDns(zone)), valid);
  assert.deepEqual(
    authority.orders.map(({ names }) => names.length),
    [1, 2],
  );
});

test("records are unset after a failure, which has the program's last line or the authority's", async () => {
  const zone = new Zone(dir);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone));
  authority.ports.dns = () => [];
  const { error } = await until(keeper, ({ failures }) => failures > 0);
  assert.match(
    error!,
    /^the authority could not verify that \*\.a\.test is ours: unauthorized: no record has/,
  );
  await keeper.stop();
  assert.deepEqual(zone.valuesOf(record), []);
  const command = [zone.write("bad", "#!/bin/sh\necho no such zone\nexit 1\n")];
  const failing = keepFor([wanting("dns-01", ["*.a.test"])], { dns: { ...byDns(zone).dns!, command } });
  await until(failing, (state) => state.error === `set ${record}: bad ended with status 1: no such zone`);
});

test("an order that umay's end cuts short leaves no record behind", async () => {
  const zone = new Zone(dir);
  const keeper = keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone, 600_000));
  await becomes(
    () => zone.valuesOf(record).length,
    (length) => length === 1,
    "the record",
  );
  await keeper.stop();
  assert.deepEqual(zone.valuesOf(record), []);
  assert.equal(keeper.states[0]!.failures, 0);
});

test("a record that a umay which died has left behind is unset with the next order", async () => {
  const zone = new Zone(dir);
  authority.ports.dns = zone.valuesOf;
  const left = { type: "dns-01", name: record, value: "left" } as const;
  await new Storage(join(dir, "storage"), authority.directory).show(left);
  await until(keepFor([wanting("dns-01", ["*.a.test"])], byDns(zone)), valid);
  assert.equal(zone.calls[0], `unset ${record} left`);
  assert.equal(zone.calls.length, 3);
});
