import assert from "node:assert/strict";
import { mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { backendsAt } from "../../src/discovery/backends.ts";
import type { DiscoveryDependencies } from "../../src/discovery/dependencies.ts";
import { createDiscovery } from "../../src/discovery/registry.ts";
import type { Backend } from "../../src/model/backend.ts";
import type { DiscoverySpec } from "../../src/model/pool.ts";
import { dnsDefaults, fakeDependencies, Watching } from "../discovery/watching.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { FakeFileWatch } from "../support/fake-file-watch.ts";

/** The answer of a source's world to one question. */
type Outcome = readonly string[] | "absent" | "failing";

/** A source's world: says what source is tested, and answers it. */
interface World {
  readonly spec: DiscoverySpec;
  readonly dependencies: Partial<DiscoveryDependencies>;
  /** Resolves when the source may ask. */
  answer(outcome: Outcome): Promise<void> | void;
  /** Has the source ask, and resolves when it has dealt with the answer. */
  round(watching: Watching): Promise<unknown>;
}

interface Place {
  readonly server: DnsServer;
  /** A folder. */
  readonly directory: string;
}

/** At least one for each type of discovery. */
const worlds: { readonly [T in DiscoverySpec["type"] | "srv"]: (place: Place) => World } = {
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
      dependencies: {
        lookup: async () => {
          if (typeof outcome === "string") throw new Error(outcome);
          return outcome;
        },
      },
      answer: (next) => {
        outcome = next;
      },
      round: (watching) => watching.round(),
    };
  },
  dns: ({ server }) => ({
    spec: { ...dnsDefaults, record: "a+aaaa", nameservers: [server.address], hold: 3_000 },
    dependencies: { lookup: notAsked },
    round: (watching) => watching.round(),
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
  srv: ({ server }) => ({
    spec: { ...dnsDefaults, record: "srv", port: undefined, nameservers: [server.address], hold: 3_000 },
    dependencies: { lookup: notAsked },
    round: (watching) => watching.round(),
    answer: (outcome) => {
      if (typeof outcome === "string")
        return server.reply("api.test", "SRV", { rcode: outcome === "absent" ? "NXDOMAIN" : "SERVFAIL" });
      server.reply("api.test", "SRV", {
        answers: outcome.map((address, index) => {
          const target = `host-${address.replaceAll(/[.:]/g, "-")}.test`;
          server.answer(target, isIP(address) === 4 ? "A" : "AAAA", [address], 0);
          const data = { priority: index & 1, weight: index, port: 80, target };
          return { name: "api.test", type: "SRV", ttl: 0, data } as const;
        }),
      });
    },
  }),
  endpoints: () => {
    let found: readonly Backend[] | undefined;
    const changed = new Set<() => void>();
    return {
      spec: { type: "endpoints", service: "default/app", port: "http" },
      dependencies: {
        lookup: notAsked,
        endpoints: (_, tell, signal) => {
          changed.add(tell);
          signal.addEventListener("abort", () => changed.delete(tell));
          return () => found;
        },
      },
      answer: (outcome) => {
        if (outcome !== "failing") found = backendsAt(outcome === "absent" ? [] : outcome, 80);
      },
      round: async () => {
        for (const tell of changed) tell();
        await setImmediate();
      },
    };
  },
  file: ({ directory }) => {
    const watch = new FakeFileWatch();
    const path = join(directory, "backends.json");
    return {
      spec: { type: "file", path },
      dependencies: { watchFile: watch.watchFile, lookup: notAsked },
      answer: async (outcome) => {
        const backends = (outcome: readonly string[]) =>
          [...new Set(outcome)].map((host, index) => ({
            address: isIP(host) === 4 ? `${host}:80` : `[${host}]:80`,
            backup: index > 1,
          }));
        if (outcome === "absent") await rm(path, { force: true });
        else if (outcome === "failing") await writeFile(path, '{ "backends": [');
        else await writeFile(path, JSON.stringify({ backends: backends(outcome) }));
      },
      round: async (watching) => {
        await watch.change();
        watching.clock.advance(1_000);
        await watch.change();
        await setImmediate();
      },
    };
  },
};

function notAsked(): never {
  assert.fail("the system's resolver is not asked");
}

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
    await using directory = await mkdtempDisposable(join(tmpdir(), "umay-contract-"));
    await fc.assert(
      fc.asyncProperty(outcomes, async (answers) => {
        const world = createWorld({ server, directory: directory.path });
        const dependencies = fakeDependencies(world.dependencies);
        await world.answer(answers[0]!);
        await using watching = new Watching(createDiscovery(world.spec, dependencies), dependencies.clock);
        await watching.yielded(1);
        for (const outcome of answers.slice(1)) {
          await world.answer(outcome);
          await world.round(watching);
        }
        await watching.stop();
        assertContract(watching);
      }),
      { numRuns: 50 },
    );
  });

  test(`${type}: two watches of one source do not disturb each other`, async () => {
    await using server = await startDnsServer();
    await using directory = await mkdtempDisposable(join(tmpdir(), "umay-contract-"));
    const world = createWorld({ server, directory: directory.path });
    await world.answer(["10.0.0.7"]);
    const dependencies = fakeDependencies(world.dependencies);
    const source = createDiscovery(world.spec, dependencies);
    await using first = new Watching(source, dependencies.clock);
    await first.yielded(1);
    await using second = new Watching(source, dependencies.clock);
    await second.yielded(1);
    await first.stop();
    assert.deepEqual(second.sets, first.sets);
  });
}
