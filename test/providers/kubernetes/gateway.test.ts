import assert from "node:assert/strict";
import { test } from "node:test";
import { oneGateway, service, statusOf, told, translated } from "./scene.ts";

const route = `
kind: HTTPRoute
metadata: { name: shop }
spec:
  parentRefs: [{ name: web }]
  hostnames: [shop.example.com]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
---
`;

test("a Gateway with a route is served, and both are told so", async () => {
  const translation = await translated(oneGateway + service("shop", ["10.0.0.1", "10.0.0.2"]) + route);
  const { listeners, pools, routeTables } = translation.model;
  assert.deepEqual(
    listeners.map(({ name, bind }) => [name, bind]),
    [["port-80", { kind: "tcp", host: "0.0.0.0", port: 80 }]],
  );
  const [pool] = pools;
  assert.equal(pool?.name, "default/shop:80");
  assert.deepEqual(pool?.discovery, { type: "endpoints", service: "default/shop", port: "" });
  const hosts = routeTables[0]?.hosts.map(({ name, rules }) => [name, rules.map((rule) => rule.route.name)]);
  assert.deepEqual(hosts, [
    ["shop.example.com", ["default/shop/0"]],
    ["*", []],
  ]);
  const gateway = statusOf(translation, "Gateway", "default/web");
  assert.deepEqual(told(gateway.conditions), [
    "Accepted=True/Accepted",
    "Programmed=True/Programmed",
    "ResolvedRefs=True/ResolvedRefs",
  ]);
  assert.equal(gateway.listeners[0]?.attachedRoutes, 1);
  assert.deepEqual(gateway.addresses, [{ type: "IPAddress", value: "192.0.2.1" }]);
  const { parents } = statusOf(translation, "HTTPRoute", "default/shop");
  assert.deepEqual(
    parents.map(({ conditions }) => told(conditions)),
    [["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"]],
  );
});

test("Gateways of other classes are left alone", async () => {
  const translation = await translated(
    oneGateway.replaceAll("umay.dev/gateway-controller", "example.com/other") + route,
  );
  assert.deepEqual(translation.model.listeners, []);
  assert.deepEqual([...translation.statuses], []);
});
