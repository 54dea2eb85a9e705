import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfigText } from "../../../src/providers/toml/load.ts";

const load = (toml: string) => loadConfigText(toml, { name: "umay.toml", directory: "/etc/umay", env: {} });

test("a configuration may have a cluster and no listener", async () => {
  const { model } = await load(
    '[kubernetes]\nkubeconfig = "config"\nnamespaces = ["shop"]\nbind = "127.0.0.1"',
  );
  assert.deepEqual(model.listeners, []);
  assert.deepEqual(model.kubernetes, {
    kubeconfig: "/etc/umay/config",
    namespaces: ["shop"],
    gatewayClass: "umay",
    ingressClass: "umay",
    gatewayController: "umay.dev/gateway-controller",
    ingressController: "umay.dev/ingress-controller",
    ingressPorts: { http: 80, https: 443 },
    nginxAnnotations: false,
    host: "127.0.0.1",
    addressPool: [],
    addresses: [],
    service: undefined,
    status: true,
    lease: "umay-leader",
  });
});

test("an empty class of Ingresses means none", async () => {
  const { model } = await load('[kubernetes]\ningress_class = ""');
  assert.equal(model.kubernetes?.ingressClass, "");
});

test("without a cluster it needs a listener", async () => {
  await assert.rejects(load("workers = 1"), /listeners: .*expected at least one table \[listeners\.<name>\]/);
});

test("what can't be is an error", async () => {
  for (const [line, error] of [
    ['namespaces = ["Shop"]', /expected the name of a namespace/],
    ['bind = "localhost"', /expected an IP address/],
    ['service = "umay"', /expected "namespace\/name"/],
    ["ingress_http_port = 70000", /expected a port/],
    ['gateway_controller = "umay"', /expected a domain and a path, such as umay\.dev\/gateway-controller/],
    ['ingress_controller = "umay.dev/a b"', /such as umay\.dev\/ingress-controller/],
    ['lease = "Umay"', /expected the name of a Lease/],
  ] as const)
    await assert.rejects(load(`[kubernetes]\n${line}`), error);
});
