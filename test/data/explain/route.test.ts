import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RouteRequest, Router } from "../../../src/data/decide/router.ts";
import { explainRoutes } from "../../../src/data/explain/route.ts";
import type { Route } from "../../../src/model/listener.ts";

const route = (conditions: Partial<Route>): Route => ({
  sni: [],
  alpn: [],
  protocol: [],
  pool: "p",
  passthrough: false,
  ...conditions,
});

const asked = (rest: Partial<RouteRequest>): RouteRequest => ({
  serverName: "",
  alpn: [],
  protocol: "tls",
  ...rest,
});

test("says of each earlier route which conditions do not hold, and stops at the one that matches", () => {
  const routes = [
    route({ sni: ["other.test"], alpn: ["mqtt"] }),
    route({ sni: ["*.test"], alpn: ["mqtt"] }),
    route({ sni: ["b.test"], protocol: ["http1"] }),
    route({ sni: ["a.test"], pool: "mine" }),
    route({}),
  ];
  const session = asked({ serverName: "a.test", alpn: ["h2"] });
  const told = explainRoutes(routes, new Router(routes).find(session), { hello: undefined, session }, "own");
  assert.deepEqual([told.matched, told.pool, told.more], [4, "mine", 0]);
  assert.deepEqual(
    told.routes.map(({ mismatches }) => mismatches),
    [["sni", "alpn"], ["alpn"], ["sni", "protocol"], []],
  );
});

test("where none matches all are told, and the listener's own pool", () => {
  const told = explainRoutes(
    [route({ sni: ["a.test"] })],
    undefined,
    { hello: undefined, session: asked({}) },
    "own",
  );
  assert.deepEqual([told.matched, told.pool, told.routes.length], [null, "own", 1]);
});

test("a route that passes through is judged by the hello; where an earlier one took that, it says so", () => {
  const routes = [
    route({ sni: ["a.test"], alpn: ["mqtt"], pool: "mqtt" }),
    route({ sni: ["a.test"], passthrough: true, pool: "through" }),
  ];
  // The client offers both, so that the first route takes the hello; then h2 is negotiated.
  const hello = asked({ serverName: "a.test", alpn: ["mqtt", "h2"] });
  const session = asked({ serverName: "a.test", alpn: ["h2"] });
  const told = explainRoutes(routes, undefined, { hello, session }, "own");
  assert.deepEqual(
    told.routes.map(({ mismatches }) => mismatches),
    [["alpn"], ["hello"]],
  );
});

test("of many routes the first and the one that matches are told, and how many there are besides", () => {
  const routes = Array.from({ length: 10_000 }, (_, index) => route({ sni: [`${index}.test`] }));
  const session = asked({ serverName: "9999.test" });
  const told = explainRoutes(routes, routes[9_999], { hello: undefined, session }, "own");
  assert.deepEqual([told.matched, told.routes.length, told.more], [10_000, 100, 9_900]);
  assert.equal(told.routes.at(-1)!.number, 10_000);
});

test("whatever the routes are, those before the match have a reason, and each reason is a condition that fails", () => {
  const names = fc.subarray(["a.test", "*.test", "b.a.test", "c.example"]);
  const routes = fc.array(
    fc
      .record({
        sni: names,
        alpn: fc.subarray(["h2", "mqtt"]),
        protocol: fc.subarray(["tls", "http1"] as const),
      })
      .map(route),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(
      routes,
      fc.constantFrom("", "a.test", "b.a.test", "c.example"),
      fc.subarray(["h2", "mqtt"]),
      (all, serverName, alpn) => {
        const session = asked({ serverName, alpn });
        const match = new Router(all).find(session);
        const told = explainRoutes(all, match, { hello: undefined, session }, "own");
        assert.equal(told.matched, match === undefined ? null : all.indexOf(match) + 1);
        for (const { number, mismatches } of told.routes) {
          if (number === told.matched) continue;
          assert.ok(mismatches.length > 0);
          for (const mismatch of mismatches) {
            assert.ok(mismatch !== "hello");
            const mended = { ...all[number - 1]!, [mismatch]: [] };
            const others = mismatches.filter((other) => other !== mismatch);
            const left = explainRoutes([mended], undefined, { hello: undefined, session }, "own");
            if (others.length > 0) assert.deepEqual(left.routes[0]!.mismatches, others);
            else assert.equal(new Router([mended]).find(session), mended);
          }
        }
      },
    ),
  );
});
