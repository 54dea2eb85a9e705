import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import type { DiscoveryDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import type { Backend } from "../../src/model/backend.ts";
import type { DiscoverySpec } from "../../src/model/pool.ts";
import { dnsDefaults, fakeDependencies, Watching } from "../discovery/watching.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";

/** What a source's world answers to one question. */
type Outcome = readonly string[] | "absent" | "failing";

/** A source's world: makes the source that is tested, and answers it. */
interface World {
  readonly spec: DiscoverySpec;
  readonly lookup: DiscoveryDependencies["lookup"];
  answer(outcome: Outcome): void;
}

const worlds: { readonly [T in DiscoverySpec["type"]]: (server: DnsServer) => World } = {
  static: () => {
    let outcome: Outcome = "absent";
    const backend = (host: string, weight: number): Backend => ({
      address: `${host}:80`,
      target: { kind: "tcp", host, port: 80 },
      weight,
      tier: weight > 1 ? 1 : 0,
    });
    return {
      spec: {
        type: "static",
        backends: [backend("a.test", 1), backend("10.0.0.1", 256), backend("b.test", 2)],
      },
      lookup: async () => {
        if (typeof outcome === "string") throw Object.assign(new Error(outcome), { code: outcome });
        return outcome;
      },
      answer: (next) => {
        outcome = next;
      },
    };
  },
  dns: (server) => ({
    spec: { ...dnsDefaults, record: "a+aaaa", nameservers: [server.address], hold: 3_000 },
    lookup: () => assert.fail("the system's resolver is not asked"),
    answer: (outcome) => {
      for (const [type, family] of [
        ["A", 4],
        ["AAAA", 6],
      ] as const) {
        const rcode = outcome === "absent" ? "NXDOMAIN" : "SERVFAIL";
        if (typeof outcome === "string") server.reply("api.test", type, { rcode });
        else
          server.answer(
            "api.test",
            type,
            outcome.filter((address) => isIP(address) === family),
            0,
          );
      }
    },
  }),
};

const outcomes = fc.array(
  fc.oneof(
    fc.array(fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2"), {
      maxLength: 4,
    }),
    fc.constantFrom("absent" as const, "failing" as const),
  ),
  { minLength: 1, maxLength: 12 },
);

function assertContract({ sets, seen }: Watching): void {
  for (const set of sets) {
    const addresses = set.map(({ address }) => address);
    assert.equal(new Set(addresses).size, addresses.length, `duplicates in ${addresses}`);
    for (const { target, weight } of set) {
      assert.ok(Number.isInteger(weight) && weight >= 1 && weight <= 256);
      assert.ok(target.kind === "unix" || isIP(target.host) !== 0, "a host name is never a target");
    }
  }
  let set = 0;
  for (const [index, one] of seen.entries()) {
    if ("serving" in one) assert.notEqual(one.message, "");
    else if (set++ > 0 && !("serving" in seen[index - 1]!))
      assert.notDeepEqual(sets[set - 1], sets[set - 2], "the same set twice, and no error between");
  }
  assert.notDeepEqual(sets[0], [], "an empty set before any other");
}

for (const [type, createWorld] of Object.entries(worlds)) {
  test(`${type}: whatever its world answers, it keeps the contract and ends soon after an abort`, async () => {
    await using server = await startDnsServer();
    await fc.assert(
      fc.asyncProperty(outcomes, async (answers) => {
        const { spec, lookup, answer } = createWorld(server);
        const dependencies = fakeDependencies({ lookup });
        answer(answers[0]!);
        await using watching = new Watching(createDiscovery(spec, dependencies), dependencies.clock);
        await watching.clock.asleep();
        for (const outcome of answers.slice(1)) {
          answer(outcome);
          await watching.round();
        }
        await watching.stop();
        assertContract(watching);
      }),
      { numRuns: 50 },
    );
  });

  test(`${type}: two watches of one source do not disturb each other`, async () => {
    await using server = await startDnsServer();
    const { spec, lookup, answer } = createWorld(server);
    answer(["10.0.0.7"]);
    const dependencies = fakeDependencies({ lookup });
    const source = createDiscovery(spec, dependencies);
    await using first = new Watching(source, dependencies.clock);
    await first.yielded(1);
    await using second = new Watching(source, dependencies.clock);
    await second.yielded(1);
    await first.stop();
    assert.deepEqual(second.sets, first.sets);
  });
}
