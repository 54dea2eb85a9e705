import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readAccess } from "../../../src/providers/kubernetes/client/access.ts";
import { TokenFile } from "../../../src/providers/kubernetes/client/token.ts";
import { apiOf } from "../../support/kubernetes-api.ts";
import { KubernetesServer } from "../../support/kubernetes-server.ts";

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
  await assert.rejects(read("exec: { command: aws }"), /can't do exec/);
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
