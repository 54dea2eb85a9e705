import assert from "node:assert/strict";
import { test } from "node:test";
import type { Translation } from "../../../src/providers/kubernetes/translate/translation.ts";
import { asked, oneGateway, service, statusOf, told, translated } from "./scene.ts";

/** An HTTPRoute of Gateway `web` with these rules. */
const route = (name: string, rules: string, more = "", created = "2026-01-01T00:00:00Z"): string => `
kind: HTTPRoute
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec:
  parentRefs: [{ name: web }]
  ${more}
  rules: ${rules}
---
`;

const to = (name: string, more = ""): string => `backendRefs: [{ name: ${name}, port: 80 }] ${more}`;
const services = ["a", "b", "c"].map((name) => service(name, [`10.0.0.${name.charCodeAt(0)}`])).join("");
const routeNamed = (translation: Translation, name: string) =>
  translation.model.routeTables
    .flatMap(({ hosts }) => hosts.flatMap(({ rules }) => rules))
    .find(({ route: { name: its } }) => its === name)?.route;
const conditions = (translation: Translation, name: string): string[] =>
  told(statusOf(translation, "HTTPRoute", `default/${name}`).parents[0]!.conditions);

test("the most specific match wins, across routes", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "one",
        `[{ matches: [{ path: { value: / } }, { headers: [{ name: Version, value: one }] }], ${to("a")} }]`,
      ) +
      route(
        "two",
        `[{ matches: [{ path: { value: /v2 } }, { method: POST }], ${to("b")} }, { matches: [{ path: { type: Exact, value: /v2/x } }], ${to("c")} }]`,
      ),
  );
  const pool = async (path: string, more = {}): Promise<string> =>
    (await asked(translation, { host: "a.test", path, ...more })).split(" ")[2]!;
  assert.equal(await pool("/"), "default/a:80");
  assert.equal(await pool("/v2"), "default/b:80");
  assert.equal(await pool("/v2/x"), "default/c:80");
  assert.equal(await pool("/v20"), "default/a:80");
  assert.equal(await pool("/", { method: "POST" }), "default/b:80");
  // A condition on the method comes before those on headers.
  assert.equal(await pool("/", { method: "POST", headers: { version: "one" } }), "default/b:80");
  assert.equal(await pool("/v2", { headers: { version: "one" } }), "default/b:80");
});

test("of equal matches the oldest route's wins, then the first name's, then the first rule's", async () => {
  const rules = `[{ ${to("a")} }, { ${to("b")} }]`;
  const translation = await translated(
    oneGateway +
      services +
      route("z", `[{ ${to("c")} }]`, "hostnames: [old.test]", "2025-01-01T00:00:00Z") +
      route("b", rules, "hostnames: [old.test, same.test]") +
      route("a", rules, "hostnames: [same.test]"),
  );
  assert.equal(await asked(translation, { host: "old.test" }), "default/z/0 -> default/c:80");
  assert.equal(await asked(translation, { host: "same.test" }), "default/a/0 -> default/a:80");
  assert.deepEqual(conditions(translation, "z").slice(2), []);
  assert.deepEqual(conditions(translation, "b").slice(2), ["umay.dev/MatchTaken=True/MatchTaken"]);
  const message = (host: string, other: string): string =>
    `any request of ${host} is taken by HTTPRoute default/${other}, which has precedence`;
  assert.deepEqual(
    translation.events.map(({ about, reason, message: text }) => [about.name, reason, text]),
    [
      ["b", "MatchTaken", message("old.test", "z").replace("any request", "prefix /")],
      ["b", "MatchTaken", message("same.test", "a").replace("any request", "prefix /")],
    ],
  );
});

test("weights share requests out, and what is missing gets its share of errors", async () => {
  const rules =
    "[{ backendRefs: [{ name: a, port: 80, weight: 9 }, { name: none, port: 80 }, { name: b, port: 80, weight: 0 }] }]";
  const translation = await translated(oneGateway + services + route("r", rules));
  assert.equal(
    await asked(translation, { host: "a.test" }),
    "default/r/0 -> default/a:80 (9), default/none:80 (invalid) (1)",
  );
  const missing = translation.model.pools.find(({ name }) => name === "default/none:80 (invalid)");
  assert.equal(missing?.invalid, "there is no Service default/none");
  assert.deepEqual(conditions(translation, "r"), [
    "Accepted=True/Accepted",
    "ResolvedRefs=False/BackendNotFound",
  ]);
});

test("a rule that leads nowhere is an error of its own", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `[{ matches: [{ path: { value: /none } }] }, { matches: [{ path: { value: /zero } }], backendRefs: [{ name: a, port: 80, weight: 0 }] }, { ${to("b")} }]`,
      ),
  );
  assert.match(await asked(translation, { host: "x", path: "/none" }), /default\/r\/0 \(invalid\)/);
  assert.match(await asked(translation, { host: "x", path: "/zero" }), /default\/r\/1 \(invalid\)/);
  assert.deepEqual(conditions(translation, "r"), [
    "Accepted=True/Accepted",
    "ResolvedRefs=True/ResolvedRefs",
  ]);
});

test("references are told by what is wrong with them", async () => {
  const reason = async (reference: string): Promise<string> => {
    const translation = await translated(
      oneGateway + services + route("r", `[{ backendRefs: [${reference}] }]`),
    );
    return conditions(translation, "r")[1]!;
  };
  assert.equal(await reason("{ name: a, kind: Pod, port: 80 }"), "ResolvedRefs=False/InvalidKind");
  assert.equal(await reason("{ name: a, port: 81 }"), "ResolvedRefs=False/BackendNotFound");
  assert.equal(await reason("{ name: a, port: 80, namespace: far }"), "ResolvedRefs=False/RefNotPermitted");
});

test("filters change heads, paths and hosts, redirect and mirror", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `
  - name: heads
    matches: [{ path: { value: /heads } }]
    filters:
    - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-A, value: "1" }], remove: [X-B] } }
    - { type: ResponseHeaderModifier, responseHeaderModifier: { add: [{ name: X-C, value: $x }] } }
    - { type: RequestMirror, requestMirror: { backendRef: { name: b, port: 80 }, fraction: { numerator: 1, denominator: 4 } } }
    ${to("a")}
  - matches: [{ path: { value: /old } }]
    filters: [{ type: URLRewrite, urlRewrite: { hostname: In.test, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }]
    ${to("a")}
  - matches: [{ path: { value: /gone } }]
    filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, path: { type: ReplaceFullPath, replaceFullPath: /here }, statusCode: 301 } }]
  - matches: [{ path: { value: /moved } }]
    filters: [{ type: RequestRedirect, requestRedirect: { hostname: b.test } }]
`,
      ),
  );
  const heads = routeNamed(translation, "default/r/heads");
  assert.deepEqual(heads?.requestFields, { set: { "x-a": ["1"] }, add: {}, remove: ["x-b"] });
  assert.deepEqual(heads?.responseFields.add, { "x-c": ["$x"] });
  assert.deepEqual(heads?.mirrors, [{ pool: "default/b:80", percent: 25, maxRequests: 100 }]);
  assert.equal(await asked(translation, { host: "x", path: "/old/y" }), "default/r/1 -> default/a:80 /new/y");
  assert.equal(routeNamed(translation, "default/r/1")?.rewrite.host, "in.test");
  assert.equal(await asked(translation, { host: "x", path: "/gone/y?z" }), "301 https://x/here?z");
  assert.equal(await asked(translation, { host: "x", path: "/moved" }), "302 http://b.test/moved");
});

test("a redirect without a scheme leads to the port of the listener that has the route", async () => {
  const translation = await translated(
    oneGateway.replace("port: 80,", "port: 8080,") +
      route("r", "[{ filters: [{ type: RequestRedirect, requestRedirect: { hostname: b.test } }] }]"),
  );
  assert.equal(await asked(translation, { port: 8080, host: "x" }), "302 http://b.test:8080/");
});

test("filters of one backend change its requests alone, behind those of the rule", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `
  - filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x, value: rule }], add: [{ name: y, value: "1" }] } }]
    backendRefs:
    - { name: a, port: 80, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: y, value: "2" }], remove: [x] } }] }
    - { name: b, port: 80 }
`,
      ),
  );
  const action = routeNamed(translation, "default/r/0")?.action;
  assert.deepEqual(action?.kind === "pools" && action.changes, [
    {
      pool: "default/a:80",
      requestFields: { set: {}, add: { y: ["1", ", ", "2"] }, remove: ["x"] },
      responseFields: { set: {}, add: {}, remove: [] },
      host: undefined,
    },
  ]);
});

test("time limits, retries and cookies are the route's own", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `[{ timeouts: { request: 1m30s, backendRequest: 500ms }, retry: { codes: [503], attempts: 3, backoff: 100ms }, sessionPersistence: { sessionName: s }, ${to("a")} }]`,
      ),
  );
  const made = routeNamed(translation, "default/r/0");
  assert.deepEqual([made?.timeouts.request, made?.timeouts.try], [90_000, 500]);
  assert.deepEqual([made?.retry.attempts, made?.retry.statuses, made?.retry.backoff.base], [3, [503], 100]);
  // Nobody has asked for statuses of gRPC.
  assert.deepEqual(made?.retry.on, [
    "connect-failed",
    "refused-stream",
    "reused-reset",
    "reset",
    "try-timeout",
  ]);
  assert.equal(made?.sticky?.cookie, "s");
});

test("a rule that is not understood answers with an error or is left out, and the others serve", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `
  - { matches: [{ path: { type: RegularExpression, value: "/(" } }], ${to("a")} }
  - { matches: [{ path: { value: /odd } }], filters: [{ type: ExtensionRef }], ${to("a")} }
  - { ${to("b")} }
`,
      ),
  );
  assert.equal(await asked(translation, { host: "x" }), "default/r/2 -> default/b:80");
  assert.match(await asked(translation, { host: "x", path: "/odd" }), /invalid/);
  assert.deepEqual(conditions(translation, "r"), [
    "Accepted=True/Accepted",
    "ResolvedRefs=True/ResolvedRefs",
    "PartiallyInvalid=True/UnsupportedValue",
  ]);
  const all = await translated(
    oneGateway +
      route("r", `[{ matches: [{ path: { type: RegularExpression, value: "/(" } }], ${to("a")} }]`),
  );
  assert.equal(conditions(all, "r")[0], "Accepted=False/UnsupportedValue");
});

test("header values that would break a message are refused", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route(
        "r",
        `[{ filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: "x\\r\\ny: z" }] } }], ${to("a")} }]`,
      ),
  );
  assert.match(await asked(translation, { host: "x" }), /invalid/);
});

test("a cookie whose name would begin another field is refused", async () => {
  const translation = await translated(
    oneGateway +
      services +
      route("r", `[{ sessionPersistence: { sessionName: "a=b\\r\\nx: y" }, ${to("a")} }]`),
  );
  assert.equal(conditions(translation, "r")[0], "Accepted=False/UnsupportedValue");
});

test("parents that do not take a route say why, and parents of others are left alone", async () => {
  const parents = (text: string) => async (): Promise<string[]> => {
    const yaml = route("r", `[{ ${to("a")} }]`).replace("[{ name: web }]", text);
    const translation = await translated(
      oneGateway.replace("protocol: HTTP", "protocol: HTTP, hostname: x.test") + services + yaml,
    );
    const status = translation.statuses.get("HTTPRoute/default/r")?.status as {
      parents?: { conditions: never[] }[];
    };
    return (status?.parents ?? []).map(({ conditions: own }) => told(own)[0]!);
  };
  assert.deepEqual(await parents("[{ name: web, sectionName: no }]")(), ["Accepted=False/NoMatchingParent"]);
  assert.deepEqual(await parents("[{ name: web, port: 81 }]")(), ["Accepted=False/NoMatchingParent"]);
  assert.deepEqual(await parents("[{ name: other }, { name: web, group: example.com }]")(), []);
  assert.deepEqual(await parents("[{ name: web }]\n  hostnames: [y.test]")(), [
    "Accepted=False/NoMatchingListenerHostname",
  ]);
});

test("listeners let in routes of the namespaces that they name", async () => {
  const from = async (text: string): Promise<string> => {
    const gateway = oneGateway.replace(
      "protocol: HTTP",
      `protocol: HTTP, allowedRoutes: { namespaces: ${text} }`,
    );
    const yaml = route("r", "[{ backendRefs: [] }]")
      .replace("name: r,", "name: r, namespace: far,")
      .replace("{ name: web }", "{ name: web, namespace: default }");
    const namespace = "kind: Namespace\nmetadata: { name: far, labels: { team: a } }\n---\n";
    const translation = await translated(gateway + namespace + yaml);
    return told(statusOf(translation, "HTTPRoute", "far/r").parents[0]!.conditions)[0]!;
  };
  assert.equal(await from("{ from: Same }"), "Accepted=False/NotAllowedByListeners");
  assert.equal(await from("{ from: All }"), "Accepted=True/Accepted");
  assert.equal(
    await from("{ from: Selector, selector: { matchLabels: { team: a } } }"),
    "Accepted=True/Accepted",
  );
  assert.equal(
    await from(
      "{ from: Selector, selector: { matchExpressions: [{ key: team, operator: NotIn, values: [a] }] } }",
    ),
    "Accepted=False/NotAllowedByListeners",
  );
});
