import assert from "node:assert/strict";
import { chmod, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { listen } from "../../../src/lib/listen.ts";
import { readAccess } from "../../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../../src/providers/kubernetes/client/api.ts";
import { ExecPlugin } from "../../../src/providers/kubernetes/client/exec-plugin.ts";
import type { ExecSettings } from "../../../src/providers/kubernetes/client/exec-settings.ts";
import { testCertificates } from "../../support/certificates.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer } from "../../support/kubernetes/server.ts";
import { patient } from "../../support/patience.ts";

const v1 = "client.authentication.k8s.io/v1";
const v1beta1 = "client.authentication.k8s.io/v1beta1";

/** A script of the shell as a plugin, with what it is given besides. */
function plugin(
  script: string,
  change: Partial<ExecSettings> = {},
  now?: () => number,
  time = patient(10_000),
): ExecPlugin {
  const settings: ExecSettings = {
    apiVersion: v1,
    command: "sh",
    args: ["-c", script, "plugin"],
    env: {},
    cluster: undefined,
    installHint: "",
    ...change,
  };
  return new ExecPlugin(settings, { timeout: time, mostOutput: 65_536 }, now);
}

const answer = (status: object, apiVersion = v1): string =>
  `echo '${JSON.stringify({ apiVersion, kind: "ExecCredential", status })}'`;

/** Says a token with what umay is to it. */
const told = answer({ token: "T" }).replace('"T"', `"'$(printf %s "$KUBERNETES_EXEC_INFO" | base64 -w0)'"`);

/** A script that counts its runs in a file, and says a token with their number. */
const counting = (file: string, more = ""): string =>
  `echo x >> ${file}; echo '{"apiVersion":"${v1}","kind":"ExecCredential","status":{"token":"t'$(wc -l < ${file})'"${more}}}'`;

test("a plugin gets umay's environment and its own, and what umay is to it", async () => {
  const script = `test -n "$PATH" && test "$2" = two && ${told.replace("$(", "$OWN.$(")}`;
  const cluster = { server: "https://a.test" };
  const args = ["-c", script, "plugin", "one", "two"];
  const said = plugin("", { args, env: { OWN: "own" }, cluster });
  const [own, info] = (await said.credential()).token!.split(".");
  assert.equal(own, "own");
  assert.deepEqual(JSON.parse(Buffer.from(info!, "base64").toString()), {
    apiVersion: v1,
    kind: "ExecCredential",
    spec: { interactive: false, cluster },
  });
});

test("requests that come together wait for one run, and a credential counts until it expires", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  let now = Date.UTC(2026, 0, 1);
  const expiry = new Date(now + 60_000).toISOString();
  const script = counting(join(dir.path, "runs"), `,"expirationTimestamp":"${expiry}"`);
  const exec = plugin(script, {}, () => now);
  const tokens = await Promise.all(Array.from({ length: 12 }, () => exec.credential()));
  assert.deepEqual(new Set(tokens.map(({ token }) => token)), new Set(["t1"]));
  now += 54_000;
  assert.equal((await exec.credential()).token, "t1");
  now += 2_000;
  assert.equal((await exec.credential()).token, "t2");
});

test("a credential that the server refuses is asked for anew, and no sooner than 5 seconds after the last one", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  let now = 0;
  const exec = plugin(counting(join(dir.path, "runs")), {}, () => now);
  await using server = await KubernetesServer.start();
  server.tokens = new Set(["t2"]);
  const api = apiOf(server, undefined, exec);
  using closing = new DisposableStack();
  closing.defer(() => api.close());
  const request = {
    method: "GET",
    path: "/api/v1/services",
    signal: AbortSignal.timeout(patient(20_000)),
  } as const;
  await assert.rejects(api.json(request), { status: 401 });
  await assert.rejects(api.json(request), { status: 401 });
  now += 6_000;
  await assert.rejects(api.json(request), { status: 401 });
  assert.equal(((await api.json(request)) as { kind: string }).kind, "ServiceList");
});

test("a credential that has expired by this machine's clock is used for 5 seconds, not asked for by every request", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  let now = Date.UTC(2026, 0, 1);
  const expiry = new Date(now - 60_000).toISOString();
  const exec = plugin(counting(join(dir.path, "runs"), `,"expirationTimestamp":"${expiry}"`), {}, () => now);
  for (const [later, token] of [
    [0, "t1"],
    [4_000, "t1"],
    [6_000, "t2"],
    [1_000, "t2"],
  ] as const) {
    now += later;
    assert.equal((await exec.credential()).token, token);
  }
});

test("a clock that is set back does not put off the next run of a plugin that failed", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  const mark = join(dir.path, "mark");
  let now = Date.UTC(2026, 0, 1);
  const exec = plugin(`test -e ${mark} && ${answer({ token: "T" })}`, {}, () => now);
  await assert.rejects(exec.credential(), /status 1/);
  await writeFile(mark, "");
  now -= 3_600_000;
  assert.equal((await exec.credential()).token, "T");
});

test("a plugin that fails is told with its words, and is not run by every request", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  const runs = join(dir.path, "runs");
  let now = 0;
  const exec = plugin(`echo x >> ${runs}; echo "log in first" >&2; exit 3`, {}, () => now);
  await assert.rejects(exec.credential(), /sh says no credential: sh ended with status 3: log in first/);
  await assert.rejects(exec.credential(), /log in first/);
  now += 6_000;
  await assert.rejects(exec.credential(), /log in first/);
  assert.equal(await readFile(runs, "utf8"), "x\nx\n");
  const missing = plugin("", { command: "umay-has-no-such", installHint: "get it from a.test" });
  await assert.rejects(missing.credential(), /ENOENT; get it from a\.test/);
});

test("a plugin that takes too long or says too much is killed, with all that it has started", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  const file = join(dir.path, "child");
  const script = `sleep 1000 & echo $! > ${file}; wait`;
  const slow = plugin(script, {}, undefined, 1_500);
  await assert.rejects(slow.credential(), /did not end within 1\.5 s/);
  const child = Number(await readFile(file, "utf8"));
  await gone(child);
  await assert.rejects(plugin("yes").credential(), /wrote more than 65536 bytes/);
});

/** Until a process has ended: nobody may have waited for it yet. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (state === undefined || / Z /.test(state)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("an answer that is no credential says what is wrong, and nothing of what it has", async () => {
  for (const [script, reason] of [
    ["echo hello", /no ExecCredential in JSON/],
    ["echo null", /no ExecCredential in JSON/],
    [answer({ token: "secret" }, v1beta1), /is of "client\.authentication\.k8s\.io\/v1beta1", not/],
    [answer({}), /neither a token nor a certificate/],
    [answer({ clientCertificateData: "PEM" }), /needs both/],
    [answer({ token: "a b" }), /characters that no header can have/],
    [answer({ token: "secret", expirationTimestamp: "soon" }), /is no time/],
  ] as const) {
    const problem = await plugin(script)
      .credential()
      .then(
        () => "",
        ({ message }: Error) => message,
      );
    assert.match(problem, reason);
    assert.doesNotMatch(problem, /secret|hello/);
  }
});

test("a plugin's certificate is shown to the server, and another one when that has expired", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  const { ecdsa, rsa, ca } = await testCertificates();
  const own = { cert: await readFile(ecdsa.cert), key: await readFile(ecdsa.key) };
  const server = createServer(
    { ...own, requestCert: true, rejectUnauthorized: false },
    ({ socket }, response) =>
      response.end(JSON.stringify({ serial: (socket as TLSSocket).getPeerCertificate().serialNumber })),
  );
  await listen(server, { kind: "tcp", host: "127.0.0.1", port: 0 });
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const said = join(dir.path, "said");
  let now = Date.UTC(2026, 0, 1);
  const say = async ({ cert, key }: { readonly cert: string; readonly key: string }): Promise<void> =>
    writeFile(
      said,
      JSON.stringify({
        apiVersion: v1,
        kind: "ExecCredential",
        status: {
          clientCertificateData: await readFile(cert, "utf8"),
          clientKeyData: await readFile(key, "utf8"),
          expirationTimestamp: "2000-01-01T00:00:00Z",
        },
      }),
    );
  const api = new Api({
    server: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`),
    ca: await readFile(ca, "utf8"),
    serverName: "localhost",
    certificate: undefined,
    token: undefined,
    exec: plugin(`cat ${said}`, {}, () => now),
    namespace: "umay",
  });
  stack.defer(() => api.close());
  const ask = async (): Promise<string> =>
    (
      (await api.json({ method: "GET", path: "/", signal: AbortSignal.timeout(patient(20_000)) })) as {
        serial: string;
      }
    ).serial;
  await say(ecdsa);
  const first = await ask();
  assert.match(first, /^[0-9A-F]+$/);
  await say(rsa);
  now += 6_000;
  assert.notEqual(await ask(), first);
});

test("a kubeconfig names a plugin: beside it where the command has a slash, with the cluster where it wants that", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "umay-exec-"));
  const file = join(dir.path, "config");
  const read = async (exec: string, more = "") => {
    await writeFile(
      file,
      `
current-context: it
contexts: [{ name: it, context: { cluster: c, user: u } }]
clusters:
- name: c
  cluster:
    server: https://a.test:6443
    certificate-authority-data: ${Buffer.from("CA").toString("base64")}
    extensions: [{ name: client.authentication.k8s.io/exec, extension: { audience: x } }]
users: [{ name: u, user: { exec: { ${exec} }${more} } }]
`,
    );
    return readAccess(file, {});
  };
  const script = join(dir.path, "plugin");
  await writeFile(script, `#!/bin/sh\n${told.replace(v1, v1beta1)}\n`);
  await chmod(script, 0o755);
  const { exec } = await read(`apiVersion: ${v1beta1}, command: ./plugin, provideClusterInfo: true`);
  const info = Buffer.from((await exec!.credential()).token!, "base64").toString();
  assert.deepEqual(JSON.parse(info).spec.cluster, {
    server: "https://a.test:6443",
    "certificate-authority-data": Buffer.from("CA").toString("base64"),
    config: { audience: "x" },
  });
  for (const [wrong, reason] of [
    ["command: x", /apiVersion is ""/],
    ["apiVersion: client.authentication.k8s.io/v1alpha1, command: x", /umay can do .*v1 and .*v1beta1/],
    [`apiVersion: ${v1}`, /has no command/],
    [`apiVersion: ${v1}, command: x`, /interactiveMode is ""; expected Never/],
    [`apiVersion: ${v1}, command: x, interactiveMode: Always`, /no terminal/],
    [`apiVersion: ${v1}, command: x, interactiveMode: Never, args: x`, /args is no list/],
    [
      `apiVersion: ${v1}, command: x, interactiveMode: Never, args: [1]`,
      /args has something that is no text/,
    ],
    [`apiVersion: ${v1}, command: x, interactiveMode: Never, timeout: 3`, /can't do exec\.timeout/],
  ] as const)
    await assert.rejects(read(wrong), reason);
  await assert.rejects(
    read(`apiVersion: ${v1}, command: x, interactiveMode: Never`, ", token: y"),
    /has exec and token/,
  );
});
