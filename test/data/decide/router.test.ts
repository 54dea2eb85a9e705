import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RouteRequest, Router } from "../../../src/data/decide/router.ts";
import { chainTo } from "../../support/chains.ts";

const request = (serverName: string, rest: Partial<RouteRequest> = {}): RouteRequest => ({
  serverName,
  alpn: [],
  protocol: "tls",
  client: "",
  port: 0,
  ...rest,
});

test("the first route that matches wins, whatever kind of condition it has", () => {
  const router = new Router([
    chainTo("mqtt", { sni: ["*.example.com"], alpn: ["mqtt"] }),
    chainTo("api", { sni: ["api.example.com", "API2.example.com".toLowerCase()] }),
    chainTo("wild", { sni: ["*.example.com"] }),
    chainTo("h2", { alpn: ["h2"] }),
    chainTo("plain", { protocol: ["http1"] }),
  ]);
  const pool = (asked: RouteRequest): string | undefined => router.find(asked)?.name;
  assert.equal(pool(request("api.example.com")), "api");
  assert.equal(pool(request("api.example.com", { alpn: ["mqtt"] })), "mqtt");
  assert.equal(pool(request("a.b.example.com")), "wild");
  assert.equal(pool(request("example.com")), undefined);
  assert.equal(pool(request("example.com", { alpn: ["http/1.1", "h2"] })), "h2");
  assert.equal(pool(request("", { protocol: "http1" })), "plain");
  assert.equal(pool(request("")), undefined);
});

test("routes that are found by name are those that a search one after the other would find", () => {
  const label = fc.constantFrom("a", "b", "c");
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
  const pattern = fc.tuple(fc.boolean(), name).map(([wildcard, text]) => (wildcard ? `*.${text}` : text));
  const routes = fc.array(
    fc.record({ sni: fc.array(pattern, { maxLength: 3 }), alpn: fc.subarray(["h2", "mqtt"]) }),
    { maxLength: 8 },
  );
  const covers = (text: string, serverName: string): boolean =>
    text.startsWith("*.") ? serverName.endsWith(text.slice(1)) : text === serverName;
  fc.assert(
    fc.property(
      routes,
      fc.oneof(name, fc.constant("")),
      fc.subarray(["h2", "mqtt"]),
      (conditions, serverName, alpn) => {
        const all = conditions.map((condition, index) => chainTo(String(index), condition));
        const slow = all.find(
          ({ match }) =>
            (match.sni.length === 0 || match.sni.some((text) => covers(text, serverName))) &&
            (match.alpn.length === 0 || match.alpn.some((offered) => alpn.includes(offered as "h2"))),
        );
        assert.equal(new Router(all).find(request(serverName, { alpn })), slow);
      },
    ),
  );
});

test("a client is here by a loopback address, or by the address that it connected to", () => {
  const router = new Router([
    chainTo("near", { origin: ["here"] }),
    chainTo("far", { origin: ["elsewhere"] }),
  ]);
  const found = (client: string, local: string): string | undefined =>
    router.find(request("", { client, local }))?.name;
  assert.equal(found("127.0.0.9", "127.0.0.1"), "near");
  assert.equal(found("::1", "::1"), "near");
  assert.equal(found("192.0.2.1", "192.0.2.1"), "near");
  assert.equal(found("192.0.2.2", "192.0.2.1"), "far");
  assert.equal(found("128.0.0.1", "192.0.2.1"), "far");
});
