import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "../../../../src/data/decide/http/decide.ts";
import { indexTable, Routing } from "../../../../src/data/decide/http/routing.ts";
import { normalisePath, pathFacts, secondReading } from "../../../../src/http/uri/path.ts";
import { anyRequest } from "../../../../src/model/http/precedence.ts";
import { requestOf, routeOf, routingOf } from "./scene.ts";

const cidr = (address: string, prefix: number) => ({ family: "ipv4", address, prefix }) as const;

test("a request goes on to its route's pools, with its path", async () => {
  const routing = await routingOf([["/api", routeOf("api")]]);
  const decision = decide(routing, requestOf("/api/x"));
  assert.ok(decision.kind === "forward");
  assert.equal(decision.rule.route.name, "api");
  assert.equal(decision.path, "/api/x");
});

test("a request that no route takes goes to the fallback, or is refused", async () => {
  const without = decide(await routingOf([["/api", routeOf("api")]]), requestOf("/x"));
  assert.ok(without.kind === "refuse" && without.reason === "no_route");
  const empty = decide(await routingOf([]), requestOf("/x"));
  assert.ok(empty.kind === "refuse" && empty.reason === "no_host");
  const fallback = routeOf("web.pool");
  const withOne = decide(await routingOf([["/api", routeOf("api")]], { fallback }), requestOf("/x"));
  assert.ok(withOne.kind === "forward" && withOne.rule.route.name === "web.pool");
});

test("deny wins over allow, and an address in neither is refused where allow has any", async () => {
  const route = routeOf("r", { allow: [cidr("10.0.0.0", 8)], deny: [cidr("10.1.0.0", 16)] });
  const routing = await routingOf([["", route]]);
  const kindFor = (client: string): string => decide(routing, requestOf("/", { client })).kind;
  assert.equal(kindFor("10.2.0.1"), "forward");
  assert.equal(kindFor("10.1.0.1"), "refuse");
  assert.equal(kindFor("192.0.2.1"), "refuse");
  assert.equal(kindFor(""), "forward");
});

test("an upgrade goes on only where the route lets it", async () => {
  const routing = await routingOf([
    ["/no", routeOf("no", { upgrades: [] })],
    ["/yes", routeOf("yes")],
  ]);
  const refused = decide(routing, requestOf("/no", { upgrade: "websocket" }));
  assert.ok(refused.kind === "refuse" && refused.reason === "upgrade_refused");
  assert.equal(decide(routing, requestOf("/yes", { upgrade: "websocket" })).kind, "forward");
  assert.equal(decide(routing, requestOf("/no")).kind, "forward");
});

test("a path that a lax backend would read as another route's is refused, unless the listener passes it", async () => {
  const routes = [
    ["/public", routeOf("public")],
    ["/admin", routeOf("admin")],
  ] as const;
  const request = requestOf("/public%2F..%2Fadmin", { secondPath: "/admin" });
  const refused = decide(await routingOf(routes), request);
  assert.ok(refused.kind === "refuse" && refused.reason === "ambiguous_path");
  assert.deepEqual(refused.readings, ["none", "admin"]);
  const passed = decide(await routingOf(routes, { ambiguousPaths: "pass" }), request);
  assert.ok(passed.kind === "refuse" && passed.reason === "no_route");
  const same = requestOf("/admin//x", { secondPath: "/admin/x" });
  assert.equal(decide(await routingOf(routes), same).kind, "forward");
});

test("whatever the spelling, no request whose second reading is guarded comes to another route", async () => {
  const routing = await routingOf([
    ["/a", routeOf("guarded")],
    ["", routeOf("open")],
  ]);
  const piece = fc.constantFrom(
    "/",
    "//",
    "a",
    "b",
    "..",
    ".",
    "%2F",
    "%2f",
    "%5C",
    "%252F",
    ";x",
    "%61",
    "/a",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = normalisePath(`/${pieces.join("")}`);
      if (typeof path !== "string") return;
      const secondPath = pathFacts.ambiguous ? secondReading(path) : undefined;
      const decision = decide(routing, requestOf(path, { secondPath }));
      const isGuarded = (text: string): boolean => text === "/a" || text.startsWith("/a/");
      const readings = new Set([isGuarded(path), isGuarded(secondPath ?? path)]);
      if (readings.size === 2) assert.ok(decision.kind === "refuse" && decision.reason === "ambiguous_path");
      else assert.equal(decision.rule?.route.name, readings.has(true) ? "guarded" : "open");
    }),
  );
});

test("a redirect without a host to name is refused, and an answer of the route's own is given", async () => {
  const redirect = {
    scheme: "https",
    host: undefined,
    port: undefined,
    path: undefined,
    status: 308,
  } as const;
  const routing = await routingOf([
    ["/r", routeOf("r", { action: { kind: "redirect", redirect } })],
    ["/t", routeOf("t", { action: { kind: "respond", status: 200, content: undefined } })],
  ]);
  const sent = decide(routing, requestOf("/r/x", { query: "?y" }));
  assert.ok(sent.kind === "redirect" && sent.location === "https://a.test/r/x?y");
  const refused = decide(routing, requestOf("/r", { authority: "", host: "" }));
  assert.ok(refused.kind === "refuse" && refused.reason === "host_missing");
  assert.equal(decide(routing, requestOf("/t")).kind, "respond");
});

test("a rewrite that leaves no path is refused", async () => {
  const path = { kind: "regex", pattern: "^/api", replacement: "x" } as const;
  const routing = await routingOf([["", routeOf("r", { rewrite: { path, host: undefined } })]]);
  const refused = decide(routing, requestOf("/api/x"));
  assert.ok(refused.kind === "refuse" && refused.reason === "bad_rewrite");
  assert.equal(decide(routing, requestOf("/other")).kind, "forward");
});

test("a part of all requests is taken by a route, the same for both readings of a path", async () => {
  const table = {
    name: "t",
    guards: [],
    fallsThrough: false,
    hosts: [
      {
        name: "*",
        rules: [
          { match: { ...anyRequest, percent: 30 }, route: routeOf("some") },
          { match: anyRequest, route: routeOf("rest") },
        ],
      },
    ],
  };
  const routing = new Routing(
    { fallback: undefined, front: { ambiguousPaths: "refuse", misdirected: "refuse" } },
    await indexTable(table),
  );
  const routed = (chance: number, secondPath?: string): string => {
    const decision = decide(routing, requestOf("/", { chance, secondPath }));
    return decision.kind === "forward" ? decision.rule.route.name : decision.kind;
  };
  assert.deepEqual(
    [0, 29.9, 30, 99].map((chance) => routed(chance)),
    ["some", "some", "rest", "rest"],
  );
  assert.equal(routed(50, "/x"), "rest");
});

test("a host is found by the start of its name where no other takes it, the longest first", async () => {
  const host = (name: string) => ({ name, rules: [{ match: anyRequest, route: routeOf(name) }] });
  const hosts = ["a.test", "*.test", "a.*", "a.b.*", "*"].map(host);
  const { index } = await indexTable({ name: "t", guards: [], fallsThrough: false, hosts });
  const found = (name: string): string => {
    const rule = index.find(requestOf("/", { host: name }));
    return typeof rule === "string" ? rule : rule.route.name;
  };
  assert.deepEqual(["a.test", "b.test", "a.x.test", "a.x", "a.b.c", "a.b", "c.a"].map(found), [
    "a.test",
    "*.test",
    "*.test",
    "a.*",
    "a.b.*",
    "a.*",
    "*",
  ]);
});
