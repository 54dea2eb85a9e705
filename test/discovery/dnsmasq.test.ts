import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { discover } from "../../src/cli/discover.ts";
import { systemDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import { err } from "../../src/lib/result.ts";

import { Dnsmasq, dnsmasqMissing } from "../support/dnsmasq.ts";
import { patient } from "../support/patience.ts";
import { dnsDefaults, noProvider } from "./watching.ts";

test("a set that dnsmasq serves is found, and followed as it grows, shrinks and vanishes", {
  skip: dnsmasqMissing,
  timeout: patient(20_000),
}, async (t) => {
  await using dnsmasq = await Dnsmasq.start(["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const spec = { ...dnsDefaults, record: "a+aaaa" as const, hold: 0, nameservers: [dnsmasq.address] };
  const source = discover({ ...spec, refresh: { min: 20, max: 20 } });
  const results = source.watch(stop.signal)[Symbol.asyncIterator]();
  /** A change may come between the queries for the two types, so what is yielded first may be half of it. */
  const served = async (expected: readonly string[]): Promise<void> => {
    for (;;) {
      const { done, value } = await results.next();
      assert.ok(done !== true);
      if (
        value.ok &&
        isDeepStrictEqual(
          value.value.map(({ address }) => address),
          expected,
        )
      )
        return;
    }
  };
  await served(["10.0.0.1:443", "10.0.0.2:443", "[2001:db8::1]:443"]);
  // More than a UDP packet holds.
  const many = Array.from({ length: 200 }, (_, index) => `10.9.0.${index + 10}`);
  await dnsmasq.change(many);
  await served(many.sort().map((address) => `${address}:443`));
  await dnsmasq.change(["10.0.0.2"]);
  await served(["10.0.0.2:443"]);
  await dnsmasq.change([]);
  await served([]);
  const { value } = await results.next();
  const absent = `NXDOMAIN from ${dnsmasq.address}`;
  const message = `api.test: A: ${absent}; AAAA: ${absent}; no backend is known`;
  assert.deepEqual(value, err({ message, serving: "nothing" }));
  stop.abort();
  assert.equal((await results.next()).done, true);
});

test("SRV records that dnsmasq serves are followed, also from a server that stops to the next one", {
  skip: dnsmasqMissing,
  timeout: patient(20_000),
}, async (t) => {
  const records = ["a.test,80,10,60", "b.test,80,10,20", "c.test,81,20"];
  const options = records.map((record) => `--srv-host=_api._tcp.test,${record}`);
  const hosts = { "a.test": ["10.0.0.1"], "b.test": ["10.0.0.2", "10.0.0.3"], "c.test": ["2001:db8::3"] };
  await using first = await Dnsmasq.start(hosts, options);
  await using second = await Dnsmasq.start({ ...hosts, "b.test": ["10.0.0.4"] }, options);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const source = createDiscovery(
    {
      ...dnsDefaults,
      name: "_api._tcp.test",
      record: "srv",
      port: undefined,
      nameservers: [first.address, second.address],
      refresh: { min: 20, max: 20 },
    },
    { ...systemDependencies, ...noProvider, query: { timeout: patient(300), tries: 1 } },
  );
  const results = source.watch(stop.signal)[Symbol.asyncIterator]();
  /** On a busy machine an answer may take too long for a moment. */
  const served = async (expected: readonly unknown[]): Promise<void> => {
    for (;;) {
      const { done, value } = await results.next();
      assert.ok(done !== true);
      const rows = value.ok && value.value.map((backend) => [backend.address, backend.weight, backend.tier]);
      if (isDeepStrictEqual(rows, expected)) return;
    }
  };
  const usual = [
    ["10.0.0.1:80", 60, 0],
    ["10.0.0.2:80", 10, 0],
    ["10.0.0.3:80", 10, 0],
    ["[2001:db8::3]:81", 1, 1],
  ];
  await served(usual);
  first.signal("SIGSTOP");
  await served([
    ["10.0.0.1:80", 60, 0],
    ["10.0.0.4:80", 20, 0],
    ["[2001:db8::3]:81", 1, 1],
  ]);
  first.signal("SIGCONT");
  await served(usual);
});
