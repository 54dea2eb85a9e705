import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { type Finished, startCommand } from "../support/command.ts";
import { writeKubeconfig } from "../support/kubernetes/kubeconfig.ts";
import { KubernetesServer } from "../support/kubernetes/server.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-explain-kubernetes-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const server = await KubernetesServer.start();
after(() => server.kill());
const kubeconfig = writeKubeconfig(dir, server, "shop");
const { cert, key } = (await testCertificates()).ecdsa;
const in64 = (file: string): string => readFileSync(file).toString("base64");

server.put("namespaces", { metadata: { name: "shop" } });
server.put("gatewayClasses", {
  metadata: { name: "umay" },
  spec: { controllerName: "umay.dev/gateway-controller" },
});
server.put("secrets", {
  metadata: { name: "web-tls", namespace: "shop" },
  data: { "tls.crt": in64(cert), "tls.key": in64(key) },
});
server.put("gateways", {
  metadata: { name: "web", namespace: "shop" },
  spec: {
    gatewayClassName: "umay",
    listeners: [
      { name: "http", port: 80, protocol: "HTTP" },
      { name: "https", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "web-tls" }] } },
    ],
  },
});
server.put("gateways", {
  metadata: { name: "foreign", namespace: "shop" },
  spec: { gatewayClassName: "other", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
});
server.put("services", { metadata: { name: "app", namespace: "shop" }, spec: { ports: [{ port: 80 }] } });
server.put("endpointSlices", {
  metadata: { name: "app-1", namespace: "shop", labels: { "kubernetes.io/service-name": "app" } },
  addressType: "IPv4",
  ports: [{ port: 8080 }],
  endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: true } }],
});
server.put("httpRoutes", {
  metadata: { name: "app", namespace: "shop" },
  spec: {
    parentRefs: [{ name: "web" }],
    hostnames: ["app.test"],
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/old" } }],
        backendRefs: [{ name: "gone", port: 80 }],
      },
      { backendRefs: [{ name: "app", port: 80 }] },
    ],
  },
});

async function explain(...args: string[]): Promise<Finished> {
  using command = startCommand(["explain", "--kubernetes", ...args], {
    cwd: dir,
    env: { KUBECONFIG: kubeconfig },
  });
  return await command.finished;
}

test("a request at a Gateway is explained by the cluster, with its endpoints and with what is wrong there", async () => {
  const { code, stdout, stderr } = await explain("gateway/web", "https://app.test/x");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^served by 10\.1\.2\.3:8080 of pool .*, route shop\/app\/1\n/);
  assert.match(stdout, /Secret shop\/web-tls/);
  assert.match(stdout, /HTTPRoute shop\/app: ResolvedRefs is False \(BackendNotFound\): /);
  assert.ok(stdout.includes(`told from ${server.url}`));
  assert.doesNotMatch(stdout, /Gateway shop\/web/);
  const refused = await explain("gateway/shop/web", "http://app.test/old/x", "-l", "http");
  assert.deepEqual([refused.code, refused.stderr], [1, ""]);
  assert.match(refused.stdout, /^not served: invalid_backend/);
});

test("a Gateway that is not there, not umay's or not at that port is told, with what there is", async () => {
  const cases = [
    [["gateway/wep", "http://app.test/"], 1, /there is no Gateway shop\/wep; did you mean "shop\/web"\?/],
    [
      ["gateway/foreign", "http://app.test/"],
      1,
      /Gateway shop\/foreign is of a class that this umay does not serve/,
    ],
    [["gateway/web", "http://app.test/", "-n", "blog"], 1, /there is no Gateway blog\/web/],
    [["gateway/web", "http://app.test/", "-l", "htp"], 1, /no listener "htp"; did you mean "http"\?/],
    [["service/web", "http://app.test/"], 2, /expected gateway\/name or ingress\/name, not "service\/web"/],
  ] as const;
  for (const [args, status, message] of cases) {
    const { code, stderr } = await explain(...args);
    assert.match(stderr, message);
    assert.equal(code, status, stderr);
  }
});

test("nothing is written, and what may not be read is told", async () => {
  server.fault = ({ path }) => (path.includes("/secrets") ? 403 : undefined);
  const { stdout } = await explain("gateway/web", "http://app.test/x");
  server.fault = () => undefined;
  assert.match(stdout, /secrets of shop could not be read: 403: status 403/);
  assert.match(stdout, /Gateway shop\/web listener https: ResolvedRefs is False/);
  assert.deepEqual([...new Set(server.requests.map(({ method }) => method))], ["GET"]);
});

test("an API server that does not answer fails the command at once", async () => {
  server.fault = ({ path }) => (path === "/version" ? "closed" : undefined);
  const { code, stderr } = await explain("gateway/web", "http://app.test/");
  server.fault = () => undefined;
  assert.equal(code, 1);
  assert.match(stderr, /the API server http:\/\/127\.0\.0\.1:\d+\/ does not answer: /);
});
