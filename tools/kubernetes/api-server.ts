import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccess } from "../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../src/providers/kubernetes/client/api.ts";

const etcdUrl = "http://127.0.0.1:2379";
const url = "https://127.0.0.1:6443";
/** How long it has to be ready, in milliseconds. */
const patience = 180_000;

/** A request that it has answered. */
export interface Audited {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
  /** RFC 3339, when it came. */
  readonly requestReceivedTimestamp: string;
}

export interface ApiServerOptions {
  /** Has the program `kube-apiserver`, and perhaps `etcd`. */
  readonly folder: string;
  /** For its files. */
  readonly dir: string;
  /** Of this machine, and no loopback address. */
  readonly address: string;
  /** umay's own program, which makes its certificate. */
  readonly umay: string;
  /** Whether it notes all requests. */
  readonly audit?: boolean;
}

/** etcd and a real kube-apiserver, with RBAC, at fixed ports of the network namespace that this program is in. */
export class ApiServer implements AsyncDisposable {
  readonly url: string = url;
  readonly #options: ApiServerOptions;
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  /** Whether there are the programs for it. @returns why not. */
  static missing(folder: string): string | undefined {
    if (!existsSync(join(folder, "kube-apiserver"))) return `there is no kube-apiserver in ${folder}`;
    try {
      execFileSync(etcdOf(folder), ["--version"], { stdio: "ignore" });
    } catch {
      return "there is no etcd on the PATH";
    }
    return undefined;
  }

  /** It is ready when this resolves. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const server = new ApiServer(options);
    const { dir, folder, umay } = options;
    execFileSync(process.execPath, [umay, "certs", "--dir", dir], { stdio: "ignore" });
    execFileSync("openssl", ["genrsa", "-out", join(dir, "accounts.key"), "2048"], { stdio: "ignore" });
    writeFileSync(
      join(dir, "tokens.csv"),
      'admin,admin,admin,"system:masters"\numay,system:serviceaccount:umay:umay,umay,"system:serviceaccounts,system:authenticated"\n',
    );
    writeFileSync(
      join(dir, "audit.yaml"),
      "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n",
    );
    server.#etcd = server.#run("etcd", etcdOf(folder), [
      "--data-dir=etcd",
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
    ]);
    await server.restart();
    return server;
  }

  private constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  /** A client with a token of the server's own file: `admin` may do everything. */
  async api(user = "admin"): Promise<Api> {
    return new Api(await readAccess(writeKubeconfig(this.#options.dir, url, user), {}));
  }

  /** Ends it at once; what it knows stays. */
  async kill(): Promise<void> {
    if (this.#server !== undefined) await end(this.#server);
  }

  /** @returns when it is ready again. */
  async restart(): Promise<void> {
    const { folder, address, audit = false } = this.#options;
    this.#server = this.#run("kube-apiserver", resolve(folder, "kube-apiserver"), [
      `--etcd-servers=${etcdUrl}`,
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
      `--advertise-address=${address}`,
      ...(audit ? ["--audit-policy-file=audit.yaml", "--audit-log-path=audit.log"] : []),
    ]);
    await this.#ready();
  }

  /** It stands still, with its connections, until it goes on. */
  stall(isStill: boolean): void {
    this.#server?.kill(isStill ? "SIGSTOP" : "SIGCONT");
  }

  /** Forgets what has happened in etcd. A server that is started afterwards knows of the present alone. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) });
      return answer.json();
    };
    const key = Buffer.from("/").toString("base64");
    const { header } = (await ask("range", { key })) as { readonly header: { readonly revision: string } };
    await ask("compaction", { revision: header.revision, physical: true });
  }

  /** All requests of a user so far. */
  audited(user: string): readonly Audited[] {
    return readFileSync(join(this.#options.dir, "audit.log"), "utf8")
      .split("\n")
      .filter((line) => line.includes(user) && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Audited)
      .filter(({ user: { username } }) => username === user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#etcd !== undefined) await end(this.#etcd);
  }

  #run(name: string, program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: this.#options.dir });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log = `${log}${text}`.slice(-20_000);
    });
    child.on("exit", (code) => code && console.error(`${name} ended with ${code}:\n${log}`));
    child.on("error", (error) => console.error(`${name}: ${error.message}`));
    return child;
  }

  async #ready(): Promise<void> {
    const ca = readFileSync(join(this.#options.dir, "dev-ca.pem"));
    const options = { ca, headers: { authorization: "Bearer admin" }, agent: false, timeout: 5_000 };
    for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(300)) {
      const asked = get(`${url}/readyz`, options);
      asked.on("timeout", () => asked.destroy());
      const [response] = (await once(asked, "response").catch(() => [])) as readonly IncomingMessage[];
      response?.resume();
      if (response?.statusCode === 200) return;
    }
    throw new Error("the API server is not ready");
  }
}

/**
 * Writes a kubeconfig beside the server's certificates.
 * @param login its key and value, such as `tokenFile` and a path. @returns the file.
 */
export function writeKubeconfig(
  dir: string,
  server: string,
  user: string,
  login: Readonly<Record<string, string>> = { token: user },
): string {
  const file = join(dir, `${user}.kubeconfig`);
  const ca = server.startsWith("https:") && { "certificate-authority": join(dir, "dev-ca.pem") };
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "it",
      contexts: [{ name: "it", context: { cluster: "it", user, namespace: "umay" } }],
      clusters: [{ name: "it", cluster: { server, ...ca } }],
      users: [{ name: user, user: login }],
    }),
  );
  return file;
}

/** The folder's own, or the one on the PATH. */
function etcdOf(folder: string): string {
  const own = join(folder, "etcd");
  return existsSync(own) ? resolve(own) : "etcd";
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill(signal);
  if (signal === "SIGKILL") child.kill("SIGCONT");
  await ended;
}
