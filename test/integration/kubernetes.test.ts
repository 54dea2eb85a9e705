import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { writeKubeconfig } from "../support/kubernetes/kubeconfig.ts";
import { KubernetesServer } from "../support/kubernetes/server.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const controller = "umay.dev/gateway-controller";

/** A cluster with a Gateway and a Service `app` with these ports of this machine as its endpoints. */
function fill(server: KubernetesServer, ports: readonly number[]): void {
  server.put("namespaces", { metadata: { name: "shop" } });
  server.put("gatewayClasses", { metadata: { name: "umay" }, spec: { controllerName: controller } });
  server.put("gateways", {
    metadata: { name: "web", namespace: "shop" },
    spec: { gatewayClassName: "umay", listeners: [{ name: "http", port: 0, protocol: "HTTP" }] },
  });
  server.put("services", {
    metadata: { name: "app", namespace: "shop" },
    spec: { ports: [{ name: "http", port: 80 }], clusterIP: "10.96.0.1" },
  });
  server.put("httpRoutes", route("app.test"));
  for (const port of ports) server.put("endpointSlices", slice(port));
}

const route = (host: string) => ({
  metadata: { name: "app", namespace: "shop" },
  spec: {
    parentRefs: [{ name: "web" }],
    hostnames: [host],
    rules: [{ backendRefs: [{ name: "app", port: 80 }] }],
  },
});

const slice = (port: number, ready = true) => ({
  metadata: {
    name: `app-${port}`,
    namespace: "shop",
    labels: { "kubernetes.io/service-name": "app" },
  },
  addressType: "IPv4",
  ports: [{ name: "http", port }],
  endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready, serving: true, terminating: !ready } }],
});

const toml = (kubeconfig: string): string => `
admin.bind = "127.0.0.1:0"
[kubernetes]
kubeconfig = ${JSON.stringify(kubeconfig)}
bind = "127.0.0.1"
addresses = ["192.0.2.1"]
`;

/** The backend that answers a request; else its status. */
async function answers(umay: RunningUmay, host: string): Promise<string | number> {
  const { status, headers } = await ask(umay.port("port-0"), { headers: { host } });
  return headers["x-backend"] === undefined ? status : String(headers["x-backend"]);
}

/** Waits until a request is answered so. */
async function answersSo(umay: RunningUmay, host: string, wanted: string | number): Promise<void> {
  const wait = async (): Promise<void> => {
    while ((await answers(umay, host)) !== wanted) await sleep(10);
  };
  await soon(wait(), `${host} answered with ${wanted}`);
}

const portOf = ({ address }: { readonly address: string }): number => Number(address.split(":")[1]);

type Conditions = readonly { readonly type: string; readonly status: string }[];
const isSo = (conditions: Conditions | undefined, type: string): boolean =>
  conditions?.some((each) => each.type === type && each.status === "True") === true;

test("what a cluster says is served and told back, and stays while the API server is away", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-kubernetes-"));
  await using one = await startHttpBackend(tellRequest("one"));
  await using two = await startHttpBackend(tellRequest("two"));
  await using server = await KubernetesServer.start();
  server.tokens = new Set(["secret"]);
  fill(server, [portOf(one)]);
  await using umay = await startUmay(toml(writeKubeconfig(folder.path, server)), {
    env: { UMAY__WORKERS: "1" },
  });
  assert.equal((await umay.readiness()).status, 200);
  assert.deepEqual([await answers(umay, "app.test"), await answers(umay, "other.test")], ["one", 404]);

  // Statuses.
  const gateway = () =>
    server.status("gateways", "shop/web") as { readonly conditions: Conditions } | undefined;
  const parents = () =>
    server.status("httpRoutes", "shop/app") as
      | { readonly parents: { readonly conditions: Conditions }[] }
      | undefined;
  await server.until(() => isSo(gateway()?.conditions, "Programmed"), "the Gateway's status");
  await server.until(() => isSo(parents()?.parents[0]?.conditions, "Accepted"), "the route's status");

  // Endpoints that come and go make no other configuration.
  const { generation } = await umay.status();
  server.put("endpointSlices", slice(portOf(two)));
  server.put("endpointSlices", slice(portOf(one), false));
  await answersSo(umay, "app.test", "two");
  assert.equal(umay.log.filter(({ msg }) => msg.startsWith("the configuration was reloaded")).length, 0);
  assert.ok((await umay.status()).generation > generation);

  // Routes that change do.
  server.put("httpRoutes", route("new.test"));
  await answersSo(umay, "new.test", "two");
  assert.equal(await answers(umay, "app.test"), 404);

  // The API server.
  await server.kill();
  await umay.logged(({ msg }) => msg.startsWith("the API server is away"));
  assert.equal(await answers(umay, "new.test"), "two");
  await server.restart();
  server.put("httpRoutes", route("newest.test"));
  await answersSo(umay, "newest.test", "two");
  await umay.logged(({ msg }) => msg === "the API server answers again");

  // The Lease is given back at once.
  const lease = () =>
    server.get("coordination.k8s.io/v1/leases", "umay/umay-leader")?.["spec"] as { holderIdentity: string };
  assert.notEqual(lease().holderIdentity, "");
  umay.signal("SIGTERM");
  await server.until(() => lease().holderIdentity === "", "the Lease");
  assert.equal(await umay.exited, 0);
});

test("two installations in one namespace are told apart by their controllers, and have a Lease each", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-kubernetes-"));
  await using one = await startHttpBackend(tellRequest("one"));
  await using server = await KubernetesServer.start();
  fill(server, [portOf(one)]);
  const inner = "inner.umay.dev/gateway-controller";
  server.put("gatewayClasses", { metadata: { name: "inner" }, spec: { controllerName: inner } });
  server.put("gateways", {
    metadata: { name: "inner", namespace: "shop" },
    spec: { gatewayClassName: "inner", listeners: [{ name: "http", port: 0, protocol: "HTTP" }] },
  });
  const parentRefs = [{ name: "web" }, { name: "inner" }];
  const { metadata, spec } = route("app.test");
  server.put("httpRoutes", { metadata, spec: { ...spec, parentRefs } });
  const onlyInner = { ...route("inner.test").spec, parentRefs: [{ name: "inner" }] };
  server.put("httpRoutes", { metadata: { ...metadata, name: "inner" }, spec: onlyInner });
  const common = toml(writeKubeconfig(folder.path, server));
  const env = { UMAY__WORKERS: "1" };
  await using outer = await startUmay(common, { env });
  await using second = await startUmay(`${common}gateway_controller = "${inner}"\nlease = "inner"\n`, {
    env,
  });
  assert.deepEqual([await answers(outer, "app.test"), await answers(outer, "inner.test")], ["one", 404]);
  assert.deepEqual([await answers(second, "app.test"), await answers(second, "inner.test")], ["one", "one"]);
  const controllers = (): readonly string[] =>
    (
      (server.status("httpRoutes", "shop/app") ?? { parents: [] }) as {
        readonly parents: readonly { readonly controllerName: string }[];
      }
    ).parents
      .map(({ controllerName }) => controllerName)
      .sort();
  await server.until(() => controllers().join() === [inner, controller].join(), "the words of both");
  for (const lease of ["umay-leader", "inner"])
    assert.ok(server.get("coordination.k8s.io/v1/leases", `umay/${lease}`) !== undefined, lease);
});

test("umay is not ready before the API server has answered", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-kubernetes-"));
  await using one = await startHttpBackend(tellRequest("one"));
  await using server = await KubernetesServer.start();
  fill(server, [portOf(one)]);
  const told = { parentRef: { name: "web" }, controllerName: controller, conditions: [] };
  server.put("httpRoutes", { ...route("app.test"), status: { parents: [told] } });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = ({ path }) => (path.endsWith("/gateways") ? promise : undefined);
  await using umay = await startUmay(toml(writeKubeconfig(folder.path, server)), {
    env: { UMAY__WORKERS: "1" },
  });
  const { status, text } = await umay.readiness();
  assert.equal(status, 503);
  assert.match(text, /has not told everything yet/);
  const writes = () => server.requests.filter(({ method }) => method !== "GET");
  assert.deepEqual(writes(), []);
  resolve();
  await umay.logged(({ msg }) => msg === "umay is ready");
  assert.equal((await umay.readiness()).status, 200);
});
