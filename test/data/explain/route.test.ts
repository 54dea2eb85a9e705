import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RouteRequest, Router } from "../../../src/data/decide/router.ts";
import { explainRoutes } from "../../../src/data/explain/route.ts";
import type { Chain, ChainMatch } from "../../../src/model/chain.ts";
import { chainTo } from "../../support/chains.ts";

const own = chainTo("own", {}, { name: "pool" });

/** Rules of a listener, before what it does otherwise. */
function listener(...routes: Chain[]) {
  const named = routes.map((chain, index) => ({ ...chain, name: `routes[${index}]` }));
  return { chains: [...named, own], detect: false };
}

const asked = (rest: Partial<RouteRequest>): RouteRequest => ({
  serverName: "",
  alpn: [],
  protocol: "tls",
  client: "",
  port: 0,
  ...rest,
});

test("says of each earlier route which conditions do not hold, and stops at the one that matches", () => {
  const web = listener(
    chainTo("p", { sni: ["other.test"], alpn: ["mqtt"] }),
    chainTo("p", { sni: ["*.test"], alpn: ["mqtt"] }),
    chainTo("p", { sni: ["b.test"], protocol: ["http1"] }),
    chainTo("mine", { sni: ["a.test"] }),
    chainTo("p"),
  );
  const session = asked({ serverName: "a.test", alpn: ["h2"] });
  const told = explainRoutes(web, new Router(web.chains).find(session)!, { hello: undefined, session });
  assert.deepEqual([told.matched, told.pool, told.more], [4, "mine", 0]);
  assert.deepEqual(
    told.routes.map(({ mismatches }) => mismatches),
    [["sni", "alpn"], ["alpn"], ["sni", "protocol"], []],
  );
});

test("where none matches all are told, and the listener's own pool", () => {
  const web = listener(chainTo("p", { sni: ["a.test"] }));
  const told = explainRoutes(web, own, { hello: undefined, session: asked({}) });
  assert.deepEqual([told.matched, told.pool, told.routes.length], [null, "own", 1]);
});

test("a route that passes through is judged by the hello; where an earlier one took that, it says so", () => {
  const terminated = { tls: "terminate", settings: "tls" } as const;
  const web = listener(
    chainTo("mqtt", { sni: ["a.test"], alpn: ["mqtt"] }, terminated),
    chainTo("through", { sni: ["a.test"] }, { tls: "passthrough" }),
  );
  const last = { ...own, ...terminated };
  // The client offers both, so that the first route takes the hello; then h2 is negotiated.
  const hello = asked({ serverName: "a.test", alpn: ["mqtt", "h2"] });
  const session = asked({ serverName: "a.test", alpn: ["h2"] });
  const told = explainRoutes({ ...web, chains: [...web.chains.slice(0, -1), last] }, last, {
    hello,
    session,
  });
  assert.deepEqual(
    told.routes.map(({ mismatches, passthrough }) => [mismatches, passthrough]),
    [
      [["alpn"], false],
      [["hello"], true],
    ],
  );
});

test("of many routes the first and the one that matches are told, and how many there are besides", () => {
  const web = listener(
    ...Array.from({ length: 10_000 }, (_, index) => chainTo("p", { sni: [`${index}.test`] })),
  );
  const session = asked({ serverName: "9999.test" });
  const told = explainRoutes(web, web.chains[9_999]!, { hello: undefined, session });
  assert.deepEqual([told.matched, told.routes.length, told.more], [10_000, 100, 9_900]);
  assert.equal(told.routes.at(-1)!.number, 10_000);
});

test("whatever the routes are, those before the match have a reason, and each reason is a condition that fails", () => {
  const conditions: fc.Arbitrary<ChainMatch> = fc.record({
    sni: fc.subarray(["a.test", "*.test", "b.a.test", "c.example"]),
    alpn: fc.subarray(["h2", "mqtt"]),
    protocol: fc.subarray(["tls", "http1"] as const),
    from: fc.constant([]),
    port: fc.subarray([80]),
  });
  fc.assert(
    fc.property(
      fc.array(conditions, { maxLength: 6 }),
      fc.constantFrom("", "a.test", "b.a.test", "c.example"),
      fc.subarray(["h2", "mqtt"]),
      (matches, serverName, alpn) => {
        const web = listener(...matches.map((match) => chainTo("p", match)));
        const session = asked({ serverName, alpn });
        const chosen = new Router(web.chains).find(session)!;
        const told = explainRoutes(web, chosen, { hello: undefined, session });
        assert.equal(told.matched, chosen === own ? null : web.chains.indexOf(chosen) + 1);
        for (const { number, mismatches } of told.routes) {
          if (number === told.matched) continue;
          assert.ok(mismatches.length > 0);
          for (const mismatch of mismatches) {
            assert.ok(mismatch !== "hello");
            const mended = listener(chainTo("p", { ...matches[number - 1]!, [mismatch]: [] }));
            const others = mismatches.filter((other) => other !== mismatch);
            const left = explainRoutes(mended, own, { hello: undefined, session });
            if (others.length > 0) assert.deepEqual(left.routes[0]!.mismatches, others);
            else assert.equal(new Router(mended.chains).find(session), mended.chains[0]);
          }
        }
      },
    ),
  );
});
