import assert from "node:assert/strict";
import { mkdtempDisposableSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import pino from "pino";
import { DnsBoard } from "../../src/acme/dns-board.ts";
import { AcmeError } from "../../src/acme/problem.ts";
import { Storage } from "../../src/acme/storage.ts";
import { authorityFolder } from "../../src/material/acme-paths.ts";
import type { DnsRecord, DnsSettings } from "../../src/model/acme.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { patient } from "../support/patience.ts";
import { Zone } from "../support/zone.ts";

const directory = "https://localhost/directory";
const name = "_acme-challenge.a.test";
const record = (value: string): DnsRecord => ({ type: "dns-01", name, value });
let dir: { readonly path: string; [Symbol.dispose](): void };
let dns: DnsServer;
let zone: Zone;
let lines: Record<string, unknown>[];
let stop: AbortController;

beforeEach(async () => {
  dir = mkdtempDisposableSync(join(tmpdir(), "umay-dns-board-"));
  dns = await startDnsServer();
  zone = new Zone(dir.path);
  lines = [];
  stop = new AbortController();
});
afterEach(async () => {
  await dns[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

function boardWith(more: Partial<DnsSettings> = {}): DnsBoard {
  const settings: DnsSettings = {
    command: [zone.program],
    environment: zone.environment,
    timeout: patient(20_000),
    propagation: patient(20_000),
    nameservers: [dns.address],
    ...more,
  };
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(JSON.parse(line)) });
  return new DnsBoard(settings, storage(), logger, stop.signal);
}

const storage = (): Storage => new Storage(dir.path, directory);
const left = (): readonly string[] => readdirSync(join(authorityFolder(dir.path, directory), "challenges"));

test("the value is the digest of the key authorization, and a wildcard has the record of the name above it", async () => {
  const authorization = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumb";
  // By openssl dgst -sha256 and basenc --base64url.
  const expected = record("C4PQosoVQWW-AbdVFmwbU8B33Z62w2vU3bIO36pceJc");
  for (const wanted of ["a.test", "*.a.test"])
    assert.deepEqual(await boardWith().answerTo(wanted, "token", authorization), expected);
});

test("records of one name are set beside each other, seen, and unset", async () => {
  const board = boardWith();
  zone.serve(dns, name);
  await board.show(record("one"));
  const waiting = board.whenShown([record("one"), record("two")]);
  await dns.queried(2);
  await board.show(record("two"));
  await waiting;
  assert.deepEqual(zone.valuesOf(name), ["one", "two"]);
  await board.hide(record("one"));
  assert.deepEqual(zone.valuesOf(name), ["two"]);
  assert.deepEqual(left(), ["dns-01.two.json"]);
  assert.deepEqual(zone.calls, [`set ${name} one`, `set ${name} two`, `unset ${name} one`]);
  assert.deepEqual(lines, []);
});

test("a record is seen through a delegation by an alias, and in several strings", async () => {
  const target = "a.acme-dns.test";
  dns.reply(name, "TXT", {
    answers: [
      { name, type: "CNAME", ttl: 1, data: target },
      { name: target, type: "TXT", ttl: 1, data: ["on", "e"] },
    ],
  });
  await boardWith().whenShown([record("one")]);
  assert.equal(dns.queries.length, 1);
});

for (const [what, values, cause] of [
  ["there is none", undefined, /^_acme-challenge\.a\.test: NXDOMAIN from 127\.0\.0\.1:\d+$/],
  ["there is another", ["other"], /^_acme-challenge\.a\.test: other values than one from 127\.0\.0\.1:\d+$/],
] as const)
  test(`a record that is not seen in time is told of, and waited for no longer: ${what}`, async () => {
    if (values !== undefined)
      dns.reply(name, "TXT", { answers: values.map((data) => ({ name, type: "TXT", ttl: 1, data })) });
    await boardWith({ propagation: 300 }).whenShown([record("one")]);
    assert.match(String(lines[0]!["cause"]), cause);
    assert.ok(dns.queries.length >= 1);
  });

test("without time for that nobody looks", async () => {
  await boardWith({ propagation: 0 }).whenShown([record("one")]);
  assert.deepEqual([dns.queries.length, lines.length], [0, 0]);
});

test("an end of umay ends the wait, and unsets what is set", async () => {
  const board = boardWith();
  await board.show(record("one"));
  const waiting = board.whenShown([record("one")]);
  stop.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await assert.rejects(board.show(record("two")), AcmeError);
  await board.hide(record("one"));
  assert.deepEqual(zone.valuesOf(name), []);
});

test("a program that fails says why, without control characters", async () => {
  const command = [
    zone.write("bad", "#!/bin/sh\nprintf 'no zone \\033[31mfor %s\\n' \"$2\"; exit 2\n"),
    "--zone=a",
  ];
  await assert.rejects(boardWith({ command }).show(record("one")), (error: Error) => {
    assert.ok(error instanceof AcmeError);
    assert.equal(error.message, `set ${name}: bad ended with status 2: no zone  [31mfor set`);
    return true;
  });
});

test("what was left behind is unset by whoever comes next, and a program that fails at that is asked twice only", async () => {
  await boardWith().show(record("one"));
  const broken = boardWith({ command: ["/bin/false"] });
  await broken.hide(record("one"));
  assert.deepEqual([lines[0]!["record"], lines[0]!["value"]], [name, "one"]);
  assert.deepEqual(left(), ["dns-01.one.json"]);
  await storage().tidy();
  assert.deepEqual([await storage().challenges(), left().length], [[], 1]);
  await boardWith().tidy();
  assert.deepEqual([zone.valuesOf(name), left()], [[], []]);
  await storage().show(record("two"));
  await broken.tidy();
  assert.match(String(lines[0]!["msg"]), /tried again with the next order$/);
  assert.match(String(lines[1]!["msg"]), /by hand$/);
  assert.deepEqual([lines.length, left()], [2, []]);
});
