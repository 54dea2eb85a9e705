import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesSettings } from "../../../src/model/kubernetes.ts";
import type { FollowTimes } from "../../../src/providers/kubernetes/client/follower.ts";
import { ClusterSource } from "../../../src/providers/kubernetes/source.ts";
import type { ProviderLogger } from "../../../src/providers/provider.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer } from "../../support/kubernetes/server.ts";

const settings: KubernetesSettings = {
  kubeconfig: "",
  gatewayClass: "umay",
  ingressClass: "umay",
  gatewayController: "umay.dev/gateway-controller",
  ingressController: "umay.dev/ingress-controller",
  ingressPorts: { http: 80, https: 443 },
  nginxAnnotations: false,
  namespaces: [],
  host: "0.0.0.0",
  addressPool: [],
  addresses: [],
  service: undefined,
  status: false,
  lease: "umay-leader",
};
const logger = { info: () => {}, warn: () => {}, error: () => {} } as unknown as ProviderLogger;

function sourceOf(
  server: KubernetesServer,
  change: Partial<KubernetesSettings> = {},
  times: Partial<FollowTimes> = {},
) {
  const source = new ClusterSource({
    api: apiOf(server),
    settings: { ...settings, ...change },
    logger,
    changed: () => {},
    status: () => {},
    times,
  });
  return { source, [Symbol.dispose]: () => source.stop() };
}

test("a namespace whose secrets are not wanted any more is not waited for", async () => {
  await using server = await KubernetesServer.start();
  server.fault = ({ path }) => (path.includes("/secrets") ? "silent" : undefined);
  using following = sourceOf(server);
  const { source } = following;
  await source.completed;
  source.want(new Set(["a/x"]), new Set());
  assert.equal(source.complete, false);
  source.want(new Set(), new Set());
  assert.equal(source.complete, true);
});

test("the secrets of many namespaces are all asked for at once", async () => {
  await using server = await KubernetesServer.start();
  using following = sourceOf(server);
  const { source } = following;
  const keys = Array.from({ length: 150 }, (_, index) => `n${index}/x`);
  source.want(new Set(keys), new Set());
  await server.until(() => source.complete, "all of them");
});

test("with namespaces, the Service in front of umay is known too, and no other one of its namespace", async () => {
  await using server = await KubernetesServer.start();
  for (const name of ["umay", "other"]) server.put("services", { metadata: { name, namespace: "own" } });
  using following = sourceOf(server, { namespaces: ["shop"], service: "own/umay", status: true });
  const { source } = following;
  await source.completed;
  assert.deepEqual([...source.cache.cluster.services.keys()], ["own/umay"]);
  const [asked] = server.requests.filter(({ path }) => path.includes("/own/"));
  assert.equal(asked?.query.get("fieldSelector"), "metadata.name=umay");
});

test("with namespaces, the class that umay may not read has no status to write", async () => {
  await using server = await KubernetesServer.start();
  server.put("gateways", { metadata: { name: "web", namespace: "shop" }, spec: { listeners: [] } });
  using following = sourceOf(server, { namespaces: ["shop"] });
  const { source } = following;
  await source.completed;
  assert.deepEqual([...source.cache.cluster.gatewayClasses.keys()], ["umay"]);
  assert.deepEqual([...source.cache.statuses.keys()], ["Gateway/shop/web"]);
});

test("a server that refuses a kind at first is asked again; what it refuses on is left out", async () => {
  await using server = await KubernetesServer.start();
  server.put("tcpRoutes", { metadata: { name: "late", namespace: "a" } });
  const asked = { tcproutes: 0, ingresses: 0 };
  server.fault = ({ path }) => {
    const kind = path.endsWith("/tcproutes") ? "tcproutes" : path.endsWith("/ingresses") ? "ingresses" : "";
    if (kind === "") return undefined;
    asked[kind]++;
    return kind === "ingresses" || asked.tcproutes === 1 ? 403 : undefined;
  };
  using following = sourceOf(server, {}, { first: 10, last: 10 });
  const { source } = following;
  await source.completed;
  assert.deepEqual([...source.cache.cluster.tcpRoutes.keys()], ["a/late"]);
  assert.equal(asked.ingresses, 4);
});

test("where no Ingress is served, none is read", async () => {
  await using server = await KubernetesServer.start();
  using following = sourceOf(server, { ingressClass: "" });
  await following.source.completed;
  assert.deepEqual(
    server.requests.filter(({ path }) => path.includes("/networking.k8s.io/")),
    [],
  );
});

test("a server that is back is asked for everything at once, whatever the waits", async () => {
  await using server = await KubernetesServer.start();
  server.put("tcpRoutes", { metadata: { name: "late", namespace: "a" } });
  server.fault = () => 503;
  using following = sourceOf(server, {}, { first: 3_600_000, last: 3_600_000, brief: 0 });
  const { source } = following;
  await server.until(() => server.requests.length >= 14, "a request for each kind");
  server.fault = () => undefined;
  // Another kind is new, and so need not wait.
  source.want(new Set(["a/x"]), new Set());
  await source.completed;
  assert.deepEqual([...source.cache.cluster.tcpRoutes.keys()], ["a/late"]);
});

test("however many namespaces there are, a server that fails is asked by all together as if there were one", async () => {
  await using server = await KubernetesServer.start();
  server.fault = () => 503;
  const namespaces = Array.from({ length: 5 }, (_, index) => `n${index}`);
  using following = sourceOf(server, { namespaces }, { first: 1, last: 1 });
  // The first one of each need not wait.
  const first = namespaces.length * 11;
  await server.until(
    () => server.requests.length >= first + 10,
    "a request for each, and the first ones again",
  );
  const began = performance.now();
  const before = server.requests.length;
  await sleep(1_000);
  const seconds = (performance.now() - began) / 1_000;
  assert.ok(server.requests.length - before <= 2 + 1.25 * seconds, `${server.requests.length - before}`);
  server.fault = () => undefined;
  await following.source.completed;
});
