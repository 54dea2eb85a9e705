import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
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

function writeKubeconfig(folder: string, server: KubernetesServer): string {
  const file = join(folder, "kubeconfig");
  writeFileSync(
    file,
    JSON.stringify({
      "current-context": "it",
      contexts: [{ name: "it", context: { cluster: "it", user: "it", namespace: "umay" } }],
      clusters: [{ name: "it", cluster: { server: server.url } }],
      users: [{ name: "it", user: { token: "secret" } }],
    }),
  );
  return file;
}

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

test("umay is not ready before the API server has answered", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-kubernetes-"));
  await using one = await startHttpBackend(tellRequest("one"));
  await using server = await KubernetesServer.start();
  fill(server, [portOf(one)]);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = ({ path }) => (path.endsWith("/gateways") ? promise : undefined);
  await using umay = await startUmay(toml(writeKubeconfig(folder.path, server)), {
    env: { UMAY__WORKERS: "1" },
  });
  const { status, text } = await umay.readiness();
  assert.equal(status, 503);
  assert.match(text, /has not told everything yet/);
  resolve();
  await umay.logged(({ msg }) => msg === "umay is ready");
  assert.equal((await umay.readiness()).status, 200);
});
