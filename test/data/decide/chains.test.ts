import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Chains, type Course, isChain } from "../../../src/data/decide/chains.ts";
import { parseCidr } from "../../../src/lib/cidr.ts";
import { protocols, relayTarget } from "../../../src/model/chain.ts";
import { resolveChains } from "../../../src/providers/toml/resolve/chains.ts";
import type { ListenerSettings } from "../../../src/providers/toml/schema/listener.ts";
import { chainTo } from "../../support/chains.ts";

const nobody = { client: "", port: 0 };

const nameOf = (course: Course): string =>
  typeof course === "string" ? course : isChain(course) ? course.name : `TLS by ${course.settings}`;

test("each chain may have TLS settings of its own, and is chosen among those with the same ones", () => {
  const by = (settings: string) => ({ tls: "terminate", settings }) as const;
  const chains = new Chains(
    [
      chainTo("a", { sni: ["a.test"], alpn: ["h2"] }, by("of a")),
      chainTo("a1", { sni: ["a.test"] }, by("of a")),
      chainTo("b", { sni: ["b.test"] }, by("of b")),
      chainTo("rest", {}, by("of all")),
    ],
    (settings, name) => (settings !== "of all" || name === "c.test" ? undefined : "unknown_name"),
  );
  const offer = (serverName: string) => nameOf(chains.atHello("tls", { serverName, alpn: ["h2"] }, nobody));
  assert.deepEqual(["a.test", "b.test", "c.test", "d.test"].map(offer), [
    "TLS by of a",
    "TLS by of b",
    "TLS by of all",
    "unknown_name",
  ]);
  const after = (settings: string, name: string, alpn: string) =>
    chains.afterHandshake(settings, name, alpn, nobody).name;
  assert.equal(after("of a", "a.test", "h2"), "a");
  assert.equal(after("of a", "a.test", ""), "a1");
  assert.equal(after("of b", "b.test", "h2"), "b");
  assert.equal(after("of b", "a.test", "h2"), "b", "the last of them takes what the others leave");
});

test("a chain may be for some clients alone, or for one port", () => {
  const from = parseCidr("10.0.0.0/8");
  assert.ok(typeof from !== "string");
  const chains = new Chains([
    chainTo("port", { port: [8443] }),
    chainTo("near", { from: [from.cidr] }),
    chainTo("rest"),
  ]);
  assert.ok(chains.looksAtPort);
  const at = (client: string, port: number) => nameOf(chains.atHello("other", undefined, { client, port }));
  assert.deepEqual(
    [at("10.1.2.3", 8443), at("10.1.2.3", 80), at("192.0.2.1", 80), at("2001:db8::1", 80), at("", 0)],
    ["port", "near", "rest", "rest", "rest"],
  );
});

test("after the handshake the protocol that was negotiated decides, not those that were offered", () => {
  const terminated = { tls: "terminate" } as const;
  const chains = new Chains([
    chainTo("mqtt", { alpn: ["mqtt"] }, terminated),
    chainTo("through", { sni: ["a.test"] }, { tls: "passthrough" }),
    chainTo("rest", {}, terminated),
  ]);
  const offered = { serverName: "a.test", alpn: ["mqtt", "h2"] };
  assert.deepEqual(chains.atHello("tls", offered, nobody), { settings: "tls" });
  assert.equal(chains.afterHandshake("tls", "a.test", "h2", nobody).name, "rest");
  assert.equal(chains.afterHandshake("tls", "a.test", "mqtt", nobody).name, "mqtt");
  const through = chains.atHello("tls", { ...offered, alpn: ["h2"] }, nobody);
  assert.equal(nameOf(through), "through");
});

test("who is not told from a client without TLS gets a chain for which names do not count", () => {
  const chains = new Chains([chainTo("named", { sni: ["a.test"] }), chainTo("rest")]);
  const chain = chains.atHello("tls", { serverName: "a.test", alpn: [] }, nobody);
  assert.equal(nameOf(chain), "rest");
});

type Settings = Pick<ListenerSettings, "mode" | "detect" | "routes" | "tls" | "timeouts"> & {
  readonly pool: string;
};

/** The meaning of a listener's keys, rule by rule: `docs/configuration.md` in code. */
class Keys {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @returns a pool, or that TLS is terminated first. */
  atHello(speaks: string, hello: Client | undefined): string {
    const { mode, routes, tls, pool } = this.#settings;
    const route = hello && routes.find((each) => holds(each, { ...hello, speaks }));
    if (hello !== undefined && (mode === "passthrough" || route?.passthrough)) return route?.pool ?? pool;
    if (speaks === "tls" && tls !== undefined) return "terminate";
    return this.#unlessPassed({ serverName: "", alpn: [], speaks });
  }

  afterHandshake(serverName: string, alpn: string): string {
    return this.#unlessPassed({ serverName, alpn: alpn === "" ? [] : [alpn], speaks: "tls" });
  }

  #unlessPassed(client: Client & { readonly speaks: string }): string {
    const { routes, pool } = this.#settings;
    return routes.find((route) => !route.passthrough && holds(route, client))?.pool ?? pool;
  }
}

interface Client {
  readonly serverName: string;
  readonly alpn: readonly string[];
}

function holds(
  { sni, alpn, protocol }: Settings["routes"][number],
  client: Client & { readonly speaks: string },
): boolean {
  return (
    (sni.length === 0 || sni.includes(client.serverName)) &&
    (alpn.length === 0 || alpn.some((name) => client.alpn.includes(name))) &&
    (protocol.length === 0 || protocol.some((name) => name === client.speaks))
  );
}

const names = ["a.test", "b.test"];
const applications = ["h2", "mqtt"];
const settings: fc.Arbitrary<Settings> = fc
  .record({
    mode: fc.constantFrom("tcp" as const, "passthrough" as const),
    detect: fc.boolean(),
    terminates: fc.boolean(),
    routes: fc.array(
      fc.record({
        sni: fc.subarray(names),
        alpn: fc.subarray(applications),
        protocol: fc.subarray([...protocols]),
        passthrough: fc.boolean(),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ mode, detect, terminates, routes }) => ({
    mode,
    detect,
    pool: "own",
    routes: routes.map((route, index) => ({ ...route, pool: String(index) })),
    // A listener that passes all TLS through terminates none.
    tls: mode === "tcp" && terminates ? ({} as ListenerSettings["tls"]) : undefined,
    timeouts: { handshake: 1, idle: 1, half_close: 1, stall: 1 },
  }));

test("chains lead every client where the keys of its listener say", () => {
  const poolOf = (chain: Course): string =>
    typeof chain === "string" ? chain : isChain(chain) ? relayTarget(chain.serve)[0]!.pool : "terminate";
  const client = fc.record({ serverName: fc.constantFrom("", ...names), alpn: fc.subarray(applications) });
  fc.assert(
    fc.property(settings, fc.constantFrom(...protocols), client, (given, speaks, offer) => {
      const keys = new Keys(given);
      const chains = new Chains(resolveChains(given as ListenerSettings));
      // Only TLS gets through where nobody looks for anything else and hellos are read.
      const readsHello =
        given.detect || given.mode === "passthrough" || given.routes.some(({ passthrough }) => passthrough);
      const looked = given.detect ? speaks : readsHello || given.tls !== undefined ? "tls" : "other";
      const hello = readsHello && looked === "tls" ? offer : undefined;
      assert.equal(poolOf(chains.atHello(looked, hello, nobody)), keys.atHello(looked, hello));
      if (given.tls === undefined) return;
      const agreed = offer.alpn[0] ?? "";
      assert.equal(
        poolOf(chains.afterHandshake("tls", offer.serverName, agreed, nobody)),
        keys.afterHandshake(offer.serverName, agreed),
      );
    }),
    { numRuns: 2_000 },
  );
});
