import assert from "node:assert/strict";
import { test } from "node:test";
import { connectPlain } from "../support/client.ts";
import { answerInParts } from "../support/dns-parts.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { startEchoHosts } from "../support/echo-hosts.ts";
import { becomes } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const name = "many.test";
const hosts = 6;

const start = (dns: DnsServer, port: number, more = "", level = "info"): Promise<RunningUmay> =>
  startUmay(`
    workers = 2
    admin.bind = "127.0.0.1:0"
    log.level = "${level}"
    listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
    [pools.echo]
    picker = "round-robin"
    [pools.echo.discovery]
    type = "dns"
    name = "${name}"
    port = ${port}
    nameservers = ["${dns.address}"]
    refresh = { min = "100ms", max = "100ms" }
    ${more}`);

const backendsOf = async (umay: RunningUmay): Promise<readonly string[]> =>
  (await umay.status()).pools["echo"]!.backends.map(({ address }) => address).sort();

/** Which backend answers. */
async function ask(umay: RunningUmay): Promise<string> {
  using client = await connectPlain(umay.port("echo"));
  await client.write("who\n");
  const answer = (await client.read("1: who\n".length)).toString();
  client.end();
  await client.readToEnd();
  return answer[0]!;
}

const changed = ({ msg }: LogLine): boolean => msg === "backends of a pool changed";

test("with linger, a server whose answers are a part of the set changes it only when a backend comes, or is missing for long", async () => {
  await using backends = await startEchoHosts(hosts);
  await using dns = await startDnsServer();
  let last = hosts;
  answerInParts(dns, name, () => last);
  await using umay = await start(dns, backends.port, 'linger = "3s"');
  await becomes(
    () => backendsOf(umay),
    (found) => found.length === hosts,
    "backends",
  );
  await dns.queried(dns.queries.length + 20);
  assert.ok(umay.log.filter(changed).length <= hosts / 2);
  assert.deepEqual(
    umay.log.filter((line) => changed(line) && line["left"] !== undefined),
    [],
  );
  const served = new Set<string>();
  for (let session = 0; session < 2 * hosts; session++) served.add(await ask(umay));
  assert.equal(served.size, hosts);

  last = hosts - 1;
  const gone = `127.0.0.${hosts}:${backends.port}`;
  const line = await umay.logged((one) => changed(one) && one["left"] !== undefined);
  assert.deepEqual(line["left"], [gone]);
  assert.equal((await backendsOf(umay)).includes(gone), false);
});

test("without linger, each answer is the whole set, and changes beyond ten in a minute get no line of their own", async () => {
  await using backends = await startEchoHosts(hosts);
  await using dns = await startDnsServer();
  answerInParts(dns, name, () => hosts);
  await using umay = await start(dns, backends.port, "", "debug");
  const isTold = (level: string) => (line: LogLine) => changed(line) && line.level === level;
  await becomes(
    () => umay.log.filter(isTold("debug")).length,
    (changes) => changes >= 10,
    "further changes",
  );
  assert.equal(umay.log.filter(isTold("info")).length, 10);
  assert.equal((await backendsOf(umay)).length, 2);
  await ask(umay);
});

test("a nameserver that drops queries with EDNS is asked without, first thing from then on", async () => {
  await using backends = await startEchoHosts(2);
  await using dns = await startDnsServer();
  let host = 1;
  const asked: ("with" | "without")[] = [];
  dns.reply(name, "A", ({ additionals = [] }) => {
    const extended = additionals.some(({ type }) => type === "OPT");
    asked.push(extended ? "with" : "without");
    if (extended) return { after: new Promise(() => {}) };
    return { answers: [{ name, type: "A", ttl: 0, data: `127.0.0.${host}` }] };
  });
  await using umay = await start(dns, backends.port);
  await becomes(
    () => backendsOf(umay),
    (found) => found.length === 1,
    "a backend",
  );
  assert.equal(await ask(umay), "1");
  host = 2;
  await becomes(
    () => ask(umay),
    (backend) => backend === "2",
    "the new backend",
  );
  assert.deepEqual(asked.slice(0, 1), ["with"]);
  assert.deepEqual([...new Set(asked.slice(asked.indexOf("without")))], ["without"]);
});
