import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempDisposableSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccess } from "../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../src/providers/kubernetes/client/api.ts";
import { apply } from "./apply.ts";
import { PretendNode } from "./node.ts";
import { gatewayAddress, ip, poolAddresses } from "./pods.ts";
import { startStandIn } from "./stand-in.ts";

/*
 * `cluster.ts FOLDER COMMAND…` runs a command beside a real API server, in a network namespace of its own, as root. FOLDER is
 * what build.sh made; etcd is on the PATH. The command gets KUBECONFIG of an administrator, and UMAY_KUBECONFIG of umay's
 * service account. Nothing of it is left when the command has ended.
 */
const [first, ...rest] = process.argv.slice(2);
const root = resolve(import.meta.dirname, "../..");
const bin = join(root, "bin/umay.js");

if (first === undefined || rest.length === 0) {
  console.error("usage: cluster.ts FOLDER COMMAND…");
  process.exitCode = 2;
} else if (process.env["UMAY_CLUSTER"] === undefined) process.exitCode = await outside(first, rest);
else process.exitCode = await inside(process.env["UMAY_CLUSTER"], first, rest);

/** Makes the network, and runs this program again in it. @returns the command's exit code. */
async function outside(folder: string, command: readonly string[]): Promise<number> {
  const name = `umay-${process.pid}`;
  ip("netns", "add", name);
  try {
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "link", "add", "pods", "type", "bridge");
    ip("-n", name, "addr", "add", `${gatewayAddress}/24`, "dev", "pods");
    for (const address of poolAddresses) ip("-n", name, "addr", "add", `${address}/24`, "dev", "pods");
    ip("-n", name, "link", "set", "pods", "up");
    const args = [process.execPath, import.meta.filename, folder, ...command];
    const child = spawn("ip", ["netns", "exec", name, ...args], {
      stdio: "inherit",
      env: { ...process.env, UMAY_CLUSTER: name },
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    ip("netns", "del", name);
    // Those of pods are known inside alone.
    for (const place of globSync(`${name}-*`, { cwd: "/run/netns" })) rmSync(join("/run/netns", place));
  }
}

async function inside(cluster: string, folder: string, command: readonly string[]): Promise<number> {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-cluster-"));
  await using stack = new AsyncDisposableStack();
  execFileSync(process.execPath, [bin, "certs", "--dir", dir.path], { stdio: "ignore" });
  let node: PretendNode | undefined;
  const logOf = (namespace: string, pod: string): string | undefined => node?.logOf(namespace, pod);
  const definitions = join(
    readFileSync(join(folder, "gateway-api-folder"), "utf8").trim(),
    "config/crd/experimental",
  );
  let server: string;
  if (existsSync(join(folder, "kube-apiserver"))) {
    server = startRealServer(folder, dir.path, stack);
    const kubelet = startKubelet(dir.path, logOf);
    stack.defer(() => void kubelet.close());
  } else {
    console.error("there is no kube-apiserver in the folder: a stand-in is used, which checks nothing");
    const standIn = await startStandIn(definitions, 6_443, logOf);
    stack.defer(() => standIn.kill());
    server = standIn.url;
  }
  const [admin, umay] = (["admin", "umay"] as const).map((user) => kubeconfig(dir.path, server, user));
  const api = new Api(await readAccess(admin!, process.env));
  stack.defer(() => api.close());
  await ready(api);
  node = new PretendNode({ api, cluster, folder: dir.path, program: resolve(folder, "echo-basic") });
  const running = node.run().catch((error: Error) => console.error(`node: ${error.message}`));
  stack.defer(async () => {
    await node?.stop();
    await running;
  });
  for (const file of globSync("*.yaml", { cwd: definitions }))
    if (server.startsWith("https:")) await apply(api, readFileSync(join(definitions, file), "utf8"));
  await apply(api, readFileSync(join(import.meta.dirname, "cluster.yaml"), "utf8"));
  const child = spawn(command[0]!, command.slice(1), {
    stdio: "inherit",
    env: {
      ...process.env,
      KUBECONFIG: admin,
      UMAY_KUBECONFIG: umay,
      UMAY_BIN: bin,
      KUBERNETES_FOLDER: resolve(folder),
    },
  });
  stack.defer(() => end(child));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** etcd and kube-apiserver. @returns the URL. */
function startRealServer(folder: string, dir: string, stack: AsyncDisposableStack): string {
  const start = (name: string, program: string, args: readonly string[]): void => {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: dir });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log = `${log}${text}`.slice(-20_000);
    });
    child.on("exit", (code) => code && console.error(`${name} ended with ${code}:\n${log}`));
    child.on("error", (error) => console.error(`${name}: ${error.message}`));
    stack.defer(() => end(child));
  };
  const account = "system:serviceaccount:umay-system:umay";
  writeFileSync(
    join(dir, "tokens.csv"),
    `admin,admin,admin,"system:masters"\numay,${account},umay,"system:serviceaccounts,system:authenticated"\n`,
  );
  execFileSync("openssl", ["genrsa", "-out", join(dir, "accounts.key"), "2048"], { stdio: "ignore" });
  const client = "http://127.0.0.1:2379";
  start("etcd", "etcd", [
    "--data-dir=etcd",
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
  ]);
  start("kube-apiserver", resolve(folder, "kube-apiserver"), [
    `--etcd-servers=${client}`,
    "--bind-address=127.0.0.1",
    "--secure-port=6443",
    "--tls-cert-file=dev.pem",
    "--tls-private-key-file=dev.key",
    "--service-account-issuer=https://umay.test",
    "--service-account-key-file=accounts.key",
    "--service-account-signing-key-file=accounts.key",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--authorization-mode=RBAC",
    "--token-auth-file=tokens.csv",
    "--disable-admission-plugins=ServiceAccount",
    `--advertise-address=${gatewayAddress}`,
  ]);
  return "https://127.0.0.1:6443";
}

/** Where the API server asks for the logs of pods. */
function startKubelet(
  dir: string,
  logOf: (namespace: string, pod: string) => string | undefined,
): ReturnType<typeof createServer> {
  const pair = { cert: readFileSync(join(dir, "dev.pem")), key: readFileSync(join(dir, "dev.key")) };
  return createServer(pair, (request, response) => {
    const [, what, namespace = "", pod = ""] = new URL(request.url!, "https://kubelet").pathname.split("/");
    const log = what === "containerLogs" ? logOf(namespace, pod) : undefined;
    response.writeHead(log === undefined ? 404 : 200, { "content-type": "text/plain" }).end(log ?? "");
  }).listen(10_250, gatewayAddress);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function ready(api: Api): Promise<void> {
  for (const deadline = performance.now() + 120_000; ; ) {
    try {
      await api.json({
        method: "GET",
        path: "/apis/apps/v1",
        signal: AbortSignal.timeout(2_000),
      });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(500);
    }
  }
}

function kubeconfig(folder: string, server: string, user: string): string {
  const file = join(folder, `${user}.kubeconfig`);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "it",
    contexts: [{ name: "it", context: { cluster: "it", user, namespace: "umay-system" } }],
    clusters: [
      {
        name: "it",
        cluster: {
          server,
          ...(server.startsWith("https:") && { "certificate-authority": join(folder, "dev-ca.pem") }),
        },
      },
    ],
    users: [{ name: user, user: { token: user } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
