import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, oneGateway, service, statusOf, told, translated } from "./scene.ts";

const gateway = (listeners: string): string =>
  oneGateway.replace("[{ name: http, port: 80, protocol: HTTP }]", listeners);
const route = (
  kind: string,
  name: string,
  pool: string,
  more = "",
  created = "2026-01-01T00:00:00Z",
): string => `
kind: ${kind}
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec:
  parentRefs: [{ name: web }]
  ${more}
  rules: [{ backendRefs: [{ name: ${pool}, port: 80 }] }]
---
`;
const services = service("a", ["10.0.0.1"]) + service("b", ["10.0.0.2"]);
const passthrough = (name: string, hostname: string): string =>
  `{ name: ${name}, port: 443, protocol: TLS, hostname: "${hostname}", tls: { mode: Passthrough } }`;

test("TLS goes on as it came to the route of its name, and nowhere else", async () => {
  const translation = await translated(
    gateway(`[${passthrough("wide", "*.x.test")}, ${passthrough("one", "one.x.test")}]`) +
      services +
      route("TLSRoute", "wide", "a", 'hostnames: ["*.x.test"]') +
      route("TLSRoute", "other", "b", "hostnames: [y.test]"),
  );
  assert.equal(await asked(translation, { sni: "two.x.test", host: "" }), "passthrough -> default/a:80");
  // The listener of this name has a route for it as well.
  assert.equal(await asked(translation, { sni: "one.x.test", host: "" }), "passthrough -> default/a:80");
  assert.equal(await asked(translation, { sni: "y.test", host: "" }), "refused");
  assert.equal(
    told(statusOf(translation, "TLSRoute", "default/other").parents[0]!.conditions)[0],
    "Accepted=False/NoMatchingListenerHostname",
  );
});

test("a name that belongs to a listener without a route for it is refused", async () => {
  const translation = await translated(
    gateway(`[${passthrough("wide", "*.x.test")}, ${passthrough("one", "one.x.test")}]`) +
      services +
      route("TLSRoute", "wide", "a", 'hostnames: ["*.x.test"]').replace(
        "{ name: web }",
        "{ name: web, sectionName: wide }",
      ),
  );
  assert.equal(await asked(translation, { sni: "two.x.test", host: "" }), "passthrough -> default/a:80");
  assert.equal(await asked(translation, { sni: "one.x.test", host: "" }), "refused");
});

test("of two TCPRoutes the older one has the port", async () => {
  const translation = await translated(
    gateway("[{ name: tcp, port: 5432, protocol: TCP }]") +
      services +
      route("TCPRoute", "a", "a", "", "2026-02-01T00:00:00Z") +
      route("TCPRoute", "b", "b"),
  );
  assert.equal(await asked(translation, { port: 5432, host: "" }), "relayed -> default/b:80");
  assert.equal(statusOf(translation, "Gateway", "default/web").listeners[0]?.attachedRoutes, 2);
  for (const name of ["a", "b"])
    assert.equal(
      told(statusOf(translation, "TCPRoute", `default/${name}`).parents[0]!.conditions)[0],
      "Accepted=True/Accepted",
    );
});

test("routes are for the protocol of their listener alone", async () => {
  const translation = await translated(
    gateway("[{ name: tcp, port: 5432, protocol: TCP }]") +
      services +
      route("TLSRoute", "t", "a", "hostnames: [x.test]") +
      route("HTTPRoute", "h", "a"),
  );
  for (const [kind, name] of [
    ["TLSRoute", "t"],
    ["HTTPRoute", "h"],
  ] as const)
    assert.equal(
      told(statusOf(translation, kind, `default/${name}`).parents[0]!.conditions)[0],
      "Accepted=False/NotAllowedByListeners",
    );
  assert.equal(await asked(translation, { port: 5432, host: "" }), "refused");
});
