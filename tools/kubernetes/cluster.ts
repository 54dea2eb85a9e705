import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempDisposableSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readAccess } from "../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../src/providers/kubernetes/client/api.ts";
import { ApiServer, end, writeKubeconfig } from "./api-server.ts";
import { apply, applyRights } from "./apply.ts";
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
  let node: PretendNode | undefined;
  const logOf = (namespace: string, pod: string): string | undefined => node?.logOf(namespace, pod);
  const definitions = join(
    readFileSync(join(folder, "gateway-api-folder"), "utf8").trim(),
    "config/crd/experimental",
  );
  let server: string;
  let serverName = "the stand-in of the tests (tools/kubernetes/stand-in.ts), which checks nothing";
  const missing = ApiServer.missing(folder);
  if (missing === undefined) {
    server = stack.use(
      await ApiServer.start({ folder, dir: dir.path, address: gatewayAddress, umay: bin }),
    ).url;
    serverName = `kube-apiserver ${moduleVersion(resolve(folder, "kube-apiserver"))}`;
    const kubelet = startKubelet(dir.path, logOf);
    stack.defer(() => void kubelet.close());
  } else {
    console.error(`${missing}: a stand-in is used, which checks nothing`);
    const standIn = await startStandIn(definitions, 6_443, logOf);
    stack.defer(() => standIn.kill());
    server = standIn.url;
  }
  const [admin, umay] = ["admin", "umay"].map((user) => writeKubeconfig(dir.path, server, user));
  const api = new Api(await readAccess(admin!, process.env));
  stack.defer(() => api.close());
  node = new PretendNode({ api, cluster, folder: dir.path, program: resolve(folder, "echo-basic") });
  const running = node.run().catch((error: Error) => console.error(`node: ${error.message}`));
  stack.defer(async () => {
    await node?.stop();
    await running;
  });
  if (missing === undefined) {
    for (const file of globSync("gateway.*.yaml", { cwd: definitions }))
      await apply(api, readFileSync(join(definitions, file), "utf8"));
    await applyRights(api, "cluster.yaml");
  }
  const child = spawn(command[0]!, command.slice(1), {
    stdio: "inherit",
    env: {
      ...process.env,
      KUBECONFIG: admin,
      UMAY_KUBECONFIG: umay,
      UMAY_BIN: bin,
      KUBERNETES_FOLDER: resolve(folder),
      KUBERNETES_SERVER: serverName,
    },
  });
  stack.defer(() => end(child));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** Programs that were built as a module do not know their own version. */
function moduleVersion(program: string): string {
  const text = execFileSync("go", ["version", "-m", program], { encoding: "utf8" });
  return /\sk8s\.io\/kubernetes\t(\S+)/.exec(text)?.[1] ?? "of an unknown version";
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
