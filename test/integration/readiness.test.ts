import assert from "node:assert/strict";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes } from "../support/settled.ts";
import { endingOf, farewell } from "../support/talk.ts";
import { spawnUmay, startUmay } from "../support/umay.ts";

const certificates = await testCertificates();

function dnsPool(dns: DnsServer, port: number, name = "echo.test"): string {
  return `
    [pools.echo.discovery]
    type = "dns"
    name = "${name}"
    port = ${port}
    nameservers = ["${dns.address}"]
    refresh = { min = "100ms", max = "1s" }`;
}

const settings = `workers = 2\nadmin = { bind = "127.0.0.1:0" }\n`;

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));

test("a pool whose name cannot be resolved keeps umay unready, not down, and serves as soon as it can be", async () => {
  await using dns = await startDnsServer();
  await using backend = await startEchoBackend();
  await using umay = await startUmay(
    settings + listenersToml("echo", certificates) + dnsPool(dns, portOf(backend.address)),
  );
  const { status, text } = await umay.readiness();
  assert.equal(status, 503);
  assert.match(text, /^pool echo has no backend yet: echo\.test: NXDOMAIN.*\n$/);
  assert.ok((await umay.metric("umay_discovery_errors_total", { pool: "echo" })) >= 1);
  const { state, reason } = await umay.status();
  assert.equal(state, "starting");
  assert.match(String(reason), /^pool .* has no backend yet/);

  for (const transport of transports) {
    assert.equal(await endingOf(connectTo(umay, transport)), "ECONNRESET");
    const line = await umay.session(({ listener }) => listener === transport);
    assert.deepEqual([line["reason"], line["origin"], line["pool"]], ["no_backend", "umay", "echo"]);
  }

  dns.answer("echo.test", "A", ["127.0.0.1"]);
  await becomes(
    () => umay.readiness(),
    ({ status }) => status === 200,
    "readiness",
  );
  for (const transport of transports) await farewell(await connectTo(umay, transport));
});

test("a pool without a backend does not keep the others from serving", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    ${settings}
    listeners.dark = { bind = "127.0.0.1:0", pool = "dark" }
    pools.dark.discovery = { type = "static", backends = ["no-such-host.invalid:80"] }
    ${listenersToml("echo", certificates)}
    ${poolToml("echo", [backend.address])}`);
  const reason = await becomes(
    () => umay.readiness(),
    // Some resolvers take their time to say no.
    ({ text }) => text.includes("no-such-host.invalid"),
    "the reason",
  );
  assert.equal(reason.status, 503);
  assert.match(reason.text, /^pool dark has no backend yet: /);
  for (const transport of transports) await farewell(await connectTo(umay, transport));
});

test("while umay waits for its first answers, it lives but is not ready", async () => {
  await using dns = await startDnsServer();
  dns.reply("echo.test", "A", "silence");
  const [port] = await freePorts(1);
  await using umay = spawnUmay(`
    admin = { bind = "127.0.0.1:${port}" }
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    ${dnsPool(dns, 80)}`);
  await dns.queried(1);
  const ask = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}/${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask("readyz"), [503, "starting\n"]);
  assert.deepEqual(await ask("livez"), [200, "ok\n"]);
  await umay.logged(({ msg }) => msg === "umay accepts connections but is not ready");
  const [status, text] = await ask("readyz");
  assert.equal(status, 503);
  assert.match(text, /^pool echo has no backend yet/);
});
