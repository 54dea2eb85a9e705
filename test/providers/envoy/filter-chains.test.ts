import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { offered } from "../../../src/data/decide/chains.ts";
import { Router } from "../../../src/data/decide/router.ts";
import { parseCidr } from "../../../src/lib/cidr.ts";
import { anyConnection, type Chain, type ChainMatch } from "../../../src/model/chain.ts";
import { orderFilterChains } from "../../../src/providers/envoy/map/filter-chains.ts";
import { type NetworkAccess, splitByAccess } from "../../../src/providers/envoy/map/network-access.ts";
import { chainTo } from "../../support/chains.ts";

const range = (text: string) => {
  const parsed = parseCidr(text);
  assert.ok(typeof parsed !== "string");
  return parsed.cidr;
};

const ranges = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"].map(range);
const matches: fc.Arbitrary<ChainMatch> = fc.record({
  port: fc.subarray([443, 8443], { maxLength: 1 }),
  sni: fc.subarray(["a.b.test", "*.b.test", "*.test"]),
  protocol: fc.subarray(["tls"] as const),
  alpn: fc.subarray(["h2"]),
  from: fc.subarray(ranges, { maxLength: 1 }),
});

interface Client {
  readonly port: number;
  readonly name: string;
  readonly alpn: readonly string[];
  readonly address: string;
}

/** Envoy's way: condition after condition, each time to the most specific value that fits, never back. */
function found(chains: readonly { match: ChainMatch; chain: number }[], client: Client): number | undefined {
  const { port, name, alpn, address } = client;
  const suffixes = name.split(".").map((_, index, labels) => `*.${labels.slice(index).join(".")}`);
  const fitting = {
    port: [port],
    sni: [name, ...suffixes.slice(1)],
    protocol: ["tls"],
    alpn,
    from: ["10.1.0.0", "10.0.0.0", "0.0.0.0"].filter(
      (network) => network === "0.0.0.0" || address.startsWith(network === "10.1.0.0" ? "10.1." : "10."),
    ),
  };
  const textOf = (value: unknown): unknown =>
    typeof value === "object" ? (value as { address: string }).address : value;
  let left = chains;
  for (const key of ["port", "sni", "protocol", "alpn", "from"] as const) {
    const value = fitting[key].find((one) =>
      left.some(({ match }) => match[key].some((own) => textOf(own) === one)),
    );
    left = left.filter(({ match }) =>
      value === undefined ? match[key].length === 0 : match[key].some((own) => textOf(own) === value),
    );
  }
  return left[0]?.chain;
}

test("the first chain of the order that matches is the one that Envoy's search finds", () => {
  const client = fc.record({
    port: fc.constantFrom(443, 8443, 80),
    name: fc.constantFrom("a.b.test", "c.b.test", "d.test", "else"),
    alpn: fc.subarray(["h2"]),
    address: fc.constantFrom("10.1.2.3", "10.2.3.4", "192.0.2.1"),
  });
  fc.assert(
    fc.property(fc.array(matches, { maxLength: 5 }), client, (given, asked) => {
      const chains = given.map((match, chain) => ({ match, chain }));
      const ordered = orderFilterChains(chains);
      assert.deepEqual(ordered.at(-1)!.match, anyConnection, "the last one takes what the others leave");
      const router = new Router(ordered.map(({ match, chain }) => chainTo(String(chain), match)));
      const { port, name, alpn, address } = asked;
      const chain = router.find(offered("tls", { serverName: name, alpn }, { client: address, port }));
      assert.equal(chain!.name, String(found(chains, asked)));
    }),
    { numRuns: 500 },
  );
});

test("rules about addresses of clients become chains that refuse", () => {
  const range = (address: string) => ({ family: "ipv4", address, prefix: 8 }) as const;
  const chain: Chain = {
    name: "c",
    match: anyConnection,
    tls: "terminate",
    settings: "s",
    serve: { kind: "relay", to: [] },
    timeouts: { idle: 1, halfClose: 1, stall: 1 },
  };
  const told = (access: NetworkAccess | undefined): unknown[] =>
    splitByAccess(chain, access, true).map(({ name, match, tls, serve }) => [
      name,
      match.from,
      tls,
      serve.kind,
    ]);
  const [ten, eleven] = [range("10.0.0.0"), range("11.0.0.0")];
  assert.deepEqual(told(undefined), [["c", [], "terminate", "relay"]]);
  assert.deepEqual(told({ allow: undefined, deny: [ten, eleven] }), [
    ["c!deny", [ten, eleven], "passthrough", "refuse"],
    ["c", [], "terminate", "relay"],
  ]);
  assert.deepEqual(told({ allow: [ten], deny: [] }), [
    ["c", [ten], "terminate", "relay"],
    ["c!others", [], "passthrough", "refuse"],
  ]);
  assert.deepEqual(told({ allow: [], deny: [] }), [["c!others", [], "passthrough", "refuse"]]);
});
