import assert from "node:assert/strict";
import { test } from "node:test";
import { answerInParts } from "../support/dns-parts.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { becomes } from "../support/settled.ts";
import { type LogLine, startUmay } from "../support/umay.ts";

const minutes = 3;

test(`a pool whose backends change all the time has eleven lines a minute, for ${minutes} minutes`, async () => {
  await using dns = await startDnsServer();
  answerInParts(dns, "many.test", () => 6);
  await using umay = await startUmay(`
    workers = 1
    listeners.web = { bind = "127.0.0.1:0", pool = "many" }
    [pools.many.discovery]
    type = "dns"
    name = "many.test"
    port = 9
    nameservers = ["${dns.address}"]
    refresh = { min = "100ms", max = "100ms" }`);
  const sums = (): readonly LogLine[] =>
    umay.log.filter(({ msg }) => msg === "backends of a pool change often; these are the newest");
  const own = (): readonly LogLine[] => umay.log.filter(({ msg }) => msg === "backends of a pool changed");
  await becomes(
    () => sums().length,
    (count) => count === minutes,
    "lines for a minute",
    (minutes + 1) * 60_000,
  );
  for (const line of sums()) {
    assert.ok((line["changes"] as number) > 100, `${line["changes"]} changes`);
    assert.equal((line["backends"] as string[]).length, 2);
  }
  assert.ok(own().length <= 10 * (minutes + 1), `${own().length} lines`);
});
