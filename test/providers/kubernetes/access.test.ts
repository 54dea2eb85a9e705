import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listen } from "../../../src/lib/listen.ts";
import { readAccess } from "../../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../../src/providers/kubernetes/client/api.ts";
import { TokenFile } from "../../../src/providers/kubernetes/client/token.ts";
import { testCertificates } from "../../support/certificates.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer } from "../../support/kubernetes/server.ts";

const folder = () => mkdtempDisposable(join(tmpdir(), "umay-kubernetes-"));

test("in a pod, the service account says who is asked and as whom", async () => {
  await using dir = await folder();
  for (const [name, text] of [
    ["token", "secret\n"],
    ["ca.crt", "PEM"],
    ["namespace", "gateways"],
  ] as const)
    await writeFile(join(dir.path, name), text);
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
  const access = await readAccess("", env, dir.path);
  assert.equal(access.server.href, "https://[fd00::1]:6443/");
  assert.deepEqual([access.ca, access.namespace, await access.token?.value()], ["PEM", "gateways", "secret"]);
});

test("without a service account it is said what is missing", async () => {
  await using dir = await folder();
  await assert.rejects(readAccess("", {}, dir.path), /no pod.*kubernetes\.kubeconfig/);
  const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  await assert.rejects(readAccess("", env, dir.path), /token does not exist/);
});

const kubeconfig = (user: string, cluster = ""): string => `
current-context: it
contexts: [{ name: it, context: { cluster: c, user: u, namespace: own } }, { name: other, context: {} }]
clusters: [{ name: c, cluster: { server: "https://api.test:6443/k8s/", certificate-authority: ca.pem${cluster} } }]
users: [{ name: u, user: { ${user} } }]
`;

test("a kubeconfig has a token or a certificate, in itself or in files beside it", async () => {
  await using dir = await folder();
  const file = join(dir.path, "config");
  await writeFile(join(dir.path, "ca.pem"), "CA");
  await writeFile(join(dir.path, "key.pem"), "KEY");
  await writeFile(join(dir.path, "token"), "of a file");
  const read = async (user: string, cluster?: string) => {
    await writeFile(file, kubeconfig(user, cluster));
    return readAccess(file, {});
  };
  const cert = Buffer.from("CERT").toString("base64");
  const certain = await read(`client-certificate-data: ${cert}, client-key: key.pem`, ", tls-server-name: x");
  assert.deepEqual(
    [certain.server.href, certain.ca, certain.serverName, certain.namespace],
    ["https://api.test:6443/k8s", "CA", "x", "own"],
  );
  assert.deepEqual(certain.certificate, { cert: "CERT", key: "KEY" });
  assert.equal(await (await read("token: fixed")).token?.value(), "fixed");
  assert.equal(await (await read("tokenFile: token")).token?.value(), "of a file");
  await assert.rejects(read("client-key: key.pem"), /needs both/);
  await assert.rejects(
    read("token: x", ", insecure-skip-tls-verify: true"),
    /can't do insecure-skip-tls-verify/,
  );
  await writeFile(file, "current-context: none");
  await assert.rejects(readAccess(file, {}), /no context "none"/);
});

test("a token is read again after a minute, and at once where the server refuses it", async () => {
  await using dir = await folder();
  const file = join(dir.path, "token");
  let now = 0;
  const token = new TokenFile(file, () => now);
  await writeFile(file, "first");
  assert.equal(await token.value(), "first");
  await writeFile(file, "second");
  now = 59_000;
  assert.equal(await token.value(), "first");
  now = 61_000;
  assert.equal(await token.value(), "second");
  await writeFile(file, "third");
  await using server = await KubernetesServer.start();
  server.tokens = new Set(["third"]);
  const api = apiOf(server, token);
  using closing = new DisposableStack();
  closing.defer(() => api.close());
  const signal = AbortSignal.timeout(10_000);
  const request = { method: "GET", path: "/api/v1/services", signal } as const;
  await assert.rejects(api.json(request), { status: 401 });
  assert.equal(((await api.json(request)) as { kind: string }).kind, "ServiceList");
});

test("a request on a kept connection that the server closes meanwhile is sent again", async () => {
  await using server = await KubernetesServer.start();
  const api = apiOf(server);
  using closing = new DisposableStack();
  closing.defer(() => api.close());
  const request = { method: "GET", path: "/api/v1/services", signal: AbortSignal.timeout(10_000) } as const;
  await api.json(request);
  server.fault = () => (server.requests.length === 2 ? "closed" : undefined);
  await api.json(request);
  assert.equal(server.requests.length, 3);
  server.fault = () => "closed";
  await assert.rejects(api.json(request), { status: 0 });
});

test("a server is asked over TLS, and believed by the CA of the cluster alone", async () => {
  const { ecdsa, ca } = await testCertificates();
  await using backend = await startHttpsBackend(await readFile(ecdsa.cert), await readFile(ecdsa.key));
  const access = {
    server: new URL(`https://127.0.0.1:${backend.port}`),
    serverName: "localhost",
    certificate: undefined,
    token: undefined,
    exec: undefined,
    namespace: "umay",
  };
  const ask = async (pem: string | undefined): Promise<unknown> => {
    const api = new Api({ ...access, ca: pem });
    using closing = new DisposableStack();
    closing.defer(() => api.close());
    return await api.json({ method: "GET", path: "/api/v1/services", signal: AbortSignal.timeout(10_000) });
  };
  assert.deepEqual(await ask(await readFile(ca, "utf8")), { path: "/api/v1/services" });
  await assert.rejects(ask(undefined), { status: 0, message: /certificate/ });
});

async function startHttpsBackend(
  cert: Buffer,
  key: Buffer,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer({ cert, key }, ({ url }, response) =>
    response.end(JSON.stringify({ path: url })),
  );
  await listen(server, { kind: "tcp", host: "127.0.0.1", port: 0 });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
