import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CorsRules } from "../../../../src/data/decide/http/cors.ts";
import { decide } from "../../../../src/data/decide/http/decide.ts";
import type { Cors } from "../../../../src/model/http/cors.ts";
import { requestOf, routeOf, routingOf } from "./scene.ts";

const cors: Cors = {
  origins: ["https://app.example.com", "https://*.example.org", "http://localhost:3000"],
  methods: ["GET", "PUT"],
  headers: ["content-type", "x-a"],
  expose: ["x-total"],
  credentials: true,
  maxAge: 600_000,
};

test("origins are taken as a whole, and below a wildcard", () => {
  const rules = new CorsRules(cors);
  for (const origin of [
    "https://app.example.com",
    "HTTPS://App.Example.com",
    "https://a.example.org",
    "https://a.b.example.org",
    "http://localhost:3000",
  ])
    assert.ok(rules.allows(origin), origin);
  for (const origin of [
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.evil",
    "https://evil.com/app.example.com",
    "https://example.org",
    "https://.example.org",
    "https://evil.com#.example.org",
    "https://evil.com/.example.org",
    "https://user@evil.com:.example.org",
    "https://evilexample.org",
    "http://a.example.org",
    "http://localhost",
    "null",
    "",
    "*",
  ])
    assert.ok(!rules.allows(origin), origin);
});

test("with any origin it is told as any, and where browsers send credentials, by its name", () => {
  const any = { ...cors, origins: ["*"], expose: [], credentials: false };
  assert.equal(new CorsRules(any).lines("https://a.test"), "access-control-allow-origin: *\r\n");
  assert.equal(
    new CorsRules({ ...any, credentials: true }).lines("https://a.test"),
    "access-control-allow-origin: https://a.test\r\naccess-control-allow-credentials: true\r\nvary: origin\r\n",
  );
});

test("what a browser sent begins no line of its own", () => {
  const rules = new CorsRules({ ...cors, origins: ["*"], methods: ["*"], headers: ["*"] });
  const evil = "a\r\nset-cookie: s=1";
  const lines = rules.preflightLines({ origin: evil, method: evil, headers: evil });
  assert.doesNotMatch(lines, /^set-cookie/m);
});

test("the names of fields that a page may read begin no line of their own", () => {
  const lines = new CorsRules({
    ...cors,
    origins: ["*"],
    expose: ["x\u010ay", "x\r\nset-cookie: s=1"],
  }).lines("https://a.test");
  // Each character becomes a byte.
  const sent = Buffer.from(lines, "latin1").toString("latin1").split("\r\n");
  for (const line of sent) assert.doesNotMatch(line, /[\r\n]|^set-cookie/);
});

const open = routeOf("open", { cors });
const routing = await routingOf([
  ["/open", open],
  ["/own", routeOf("own")],
]);

describe("a preflight", () => {
  const ask = (path: string, fields: Readonly<Record<string, string>>, method = "OPTIONS") =>
    decide(routing, requestOf(path, { method, header: (name) => fields[name] }));
  const preflight = { origin: "https://app.example.com", "access-control-request-method": "PUT" };

  test("is answered by its route", () => {
    const decision = ask("/open", { ...preflight, "access-control-request-headers": "x-a" });
    assert.ok(decision.kind === "preflight" && decision.isAllowed);
    assert.equal(
      decision.lines,
      [
        "access-control-allow-origin: https://app.example.com",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: GET, PUT",
        "access-control-allow-headers: content-type, x-a",
        "access-control-expose-headers: x-total",
        "access-control-max-age: 600",
        "vary: origin, access-control-request-method, access-control-request-headers",
        "",
      ].join("\r\n"),
    );
  });

  test("of another origin is answered without a word of what is allowed", () => {
    const decision = ask("/open", { ...preflight, origin: "https://evil.test" });
    assert.ok(decision.kind === "preflight" && !decision.isAllowed);
    assert.doesNotMatch(decision.lines, /access-control-allow/);
  });

  test("goes to the backend where its route says nothing of it, and where it is none", () => {
    assert.equal(ask("/own", preflight).kind, "forward");
    assert.equal(ask("/open", { origin: preflight.origin }).kind, "forward");
    assert.equal(ask("/open", preflight, "GET").kind, "forward");
    assert.equal(ask("/nowhere", preflight).kind, "refuse");
  });
});
