import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { findPebble, Pebble } from "../support/pebble.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";
import { Zone } from "../support/zone.ts";

const run = promisify(execFile);
const bin = new URL("../../bin/umay.js", import.meta.url).pathname;
const pebble = findPebble();
const skip = pebble === undefined && "there is neither PEBBLE, the program of Pebble, nor Go to build it";

/** In seconds: short, so that each certificate is renewed while the test runs. */
const lifetime = 120;
const names = ["a.test", "b.test", "c.test", "example.test", "any.example.test"];

test("Pebble, with its faults on, issues, renews and revokes under load, and no handshake fails", {
  skip,
}, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-pebble-"));
  await using dns = await startDnsServer();
  const zone = new Zone(dir.path);
  zone.serve(dns, "_acme-challenge.example.test");
  for (const name of names.slice(0, 3)) dns.answer(name, "A", ["127.0.0.1"]);
  // The authority's first look at this one fails, and so does the first order.
  let looks = 0;
  dns.reply("late.test", "A", () =>
    looks++ === 0
      ? { rcode: "SERVFAIL" }
      : { answers: [{ name: "late.test", type: "A", ttl: 1, data: "127.0.0.1" }] },
  );
  const [http, tls] = (await freePorts(2)) as [number, number];
  using authority = await Pebble.start(pebble!, dir.path, dns, { http, tls }, lifetime);
  const ca = await authority.root();
  writeFileSync(
    join(dir.path, "umay.toml"),
    `
    workers = 2
    admin.bind = "127.0.0.1:0"
    [acme]
    directory = ${JSON.stringify(authority.directory)}
    terms_agreed = true
    ca = ${JSON.stringify(authority.ca)}
    propagation = "0s"
    [acme.dns]
    command = [${JSON.stringify(zone.program)}]
    environment = { ZONE = ${JSON.stringify(zone.environment.ZONE)} }
    nameservers = [${JSON.stringify(dns.address)}]
    [listeners.plain]
    bind = "127.0.0.1:${http}"
    mode = "http"
    [listeners.web]
    bind = "127.0.0.1:${tls}"
    mode = "http"
    tls.acme = { names = ["a.test", "b.test"] }
    [listeners.api]
    bind = "127.0.0.1:0"
    mode = "http"
    tls.acme = { names = ["c.test", "late.test"], challenge = "http-01" }
    [listeners.wild]
    bind = "127.0.0.1:0"
    mode = "http"
    tls.acme = { names = ["*.example.test", "example.test"], challenge = "dns-01" }
    [routes.all]
    respond = { body = "hello" }`,
  );
  await using umay = await startUmay("", { cwd: dir.path, args: ["run", "umay.toml"] });

  /** The serial number of the certificate that a client gets, which it verifies. @throws where the handshake fails. */
  async function shown(name: string): Promise<string> {
    const other = name.endsWith("example.test") ? "wild" : "api";
    const port = umay.port(name === "a.test" || name === "b.test" ? "web" : other);
    const socket = connect({ host: "127.0.0.1", port, servername: name, ca });
    try {
      await once(socket, "secureConnect");
      return socket.getPeerCertificate().serialNumber;
    } finally {
      socket.destroy();
    }
  }
  const isServed = (name: string, longest: number) =>
    becomes(
      () => shown(name).catch(String),
      (serial) => /^[0-9A-F]+$/.test(serial),
      name,
      longest,
    );
  await Promise.all(names.map((name) => isServed(name, 60_000)));

  let going = true;
  using ended = new DisposableStack();
  ended.defer(() => {
    going = false;
  });
  const serials = new Map(names.map((name) => [name, new Set<string>()]));
  const failures: string[] = [];
  let handshakes = 0;
  const load = names.map(async (name) => {
    while (going) {
      await shown(name).then(
        (serial) => serials.get(name)!.add(serial),
        (error: Error) => failures.push(`${name}: ${error.message}`),
      );
      handshakes++;
    }
  });
  await Promise.all(
    names.map((name) =>
      becomes(
        () => serials.get(name)!.size,
        (count) => count >= 2 || failures.length > 0,
        `certificates of ${name}`,
        3 * lifetime * 1_000,
      ),
    ),
  );
  const [before = ""] = [...serials.get("a.test")!].slice(-1);
  const { stdout } = await run(process.execPath, [bin, "certs", "--revoke", "a.test", "-c", "umay.toml"], {
    cwd: dir.path,
  });
  assert.match(stdout, /a\.test is revoked/);
  await becomes(
    () => [...serials.get("a.test")!].at(-1),
    (serial) => serial !== before,
    "another certificate than the one that was revoked",
    60_000,
  );
  assert.ok(await authority.isRevoked(before));
  await isServed("late.test", 200_000);
  going = false;
  assert.ok(dns.queries.some(({ name, type }) => name === "_acme-challenge.example.test" && type === "TXT"));
  await Promise.all(load);
  assert.deepEqual(failures, []);
  assert.ok(handshakes > 1_000, String(handshakes));
  assert.ok(looks >= 2);
  const failed = umay.log
    .filter(({ msg }) => msg.startsWith("a certificate could not be obtained"))
    .map(({ name, cause }) => `${name as string}: ${cause as string}`);
  assert.ok(failed.length > 0);
  // Ten good nonces in a row may be refused, too, once in a thousand requests.
  const unexpected = failed.filter(
    (line) => !/^late\.test: |JWS has an invalid anti-replay nonce/.test(line),
  );
  assert.deepEqual(unexpected, [], failed.join("\n"));
  assert.ok(authority.log.some((line) => line.includes("Configured to reject 50% of good nonces")));
  // It was asked when to renew (RFC 9773).
  assert.ok(authority.log.some((line) => /renewalInfo\/ -> calling handler/.test(line)));
});
