import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { ClusterAccess } from "./access.ts";
import { ExecPlugin } from "./exec-plugin.ts";
import { readExec } from "./exec-settings.ts";
import { type Table, tableOf, textOf } from "./table.ts";
import { FixedToken, type Token, TokenFile } from "./token.ts";

type Read = (file: string) => Promise<string>;

/** Keys that change who umay is or how it gets there, and that it can't do. */
const unsupported = {
  cluster: ["proxy-url", "insecure-skip-tls-verify"],
  user: ["auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"],
} as const;

/**
 * The present context of a kubeconfig: its server with CAs, and a user with a token, a certificate, or a program that says them.
 * @param file absolute; relative paths in it start at its folder.
 * @throws Error that says what is missing, or what umay can't do.
 */
export async function readKubeconfig(file: string, read: Read): Promise<ClusterAccess> {
  const config = new Kubeconfig(file, read, tableOf(parse(await read(file), { maxAliasCount: 100 })));
  return config.access();
}

class Kubeconfig {
  readonly #file: string;
  readonly #read: Read;
  readonly #tree: Table;

  constructor(file: string, read: Read, tree: Table) {
    this.#file = file;
    this.#read = read;
    this.#tree = tree;
  }

  async access(): Promise<ClusterAccess> {
    const context = this.#named("contexts", textOf(this.#tree, "current-context"), "context");
    const cluster = this.#named("clusters", textOf(context, "cluster"), "cluster");
    const user = this.#named("users", textOf(context, "user"), "user");
    for (const key of unsupported.cluster) if (cluster[key]) this.#fail(`umay can't do ${key} of a cluster`);
    for (const key of unsupported.user)
      if (user[key]) this.#fail(`umay can't do ${key} of a user; give it a token, a certificate or exec`);
    const server = textOf(cluster, "server");
    if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
      this.#fail(`the server ${JSON.stringify(server)} is no http or https URL`);
    const ca = await this.#material(cluster, "certificate-authority");
    return {
      server: new URL(server.replace(/\/$/, "")),
      ca,
      serverName: textOf(cluster, "tls-server-name") || undefined,
      certificate: await this.#certificate(user),
      token: this.#token(user),
      exec: this.#exec(user, { entry: cluster, ca }),
      namespace: textOf(context, "namespace") || "default",
    };
  }

  async #certificate(user: Table): Promise<ClusterAccess["certificate"]> {
    const cert = await this.#material(user, "client-certificate");
    const key = await this.#material(user, "client-key");
    if ((cert === undefined) !== (key === undefined))
      this.#fail("a user has one of client-certificate and client-key; it needs both");
    return cert === undefined || key === undefined ? undefined : { cert, key };
  }

  #token(user: Table): Token | undefined {
    const file = textOf(user, "tokenFile");
    if (file !== "") return new TokenFile(this.#path(file));
    const text = textOf(user, "token");
    return text === "" ? undefined : new FixedToken(text);
  }

  #exec(user: Table, cluster: Parameters<typeof readExec>[2]): ExecPlugin | undefined {
    if (user["exec"] === undefined || user["exec"] === null) return undefined;
    for (const key of ["token", "tokenFile", "client-certificate", "client-certificate-data"])
      if (user[key]) this.#fail(`a user has exec and ${key}; umay would not know which of them counts`);
    try {
      return new ExecPlugin(readExec(tableOf(user["exec"]), this.#file, cluster));
    } catch (error) {
      return this.#fail((error as Error).message);
    }
  }

  /** The content of `key`: inline, in base64, or in a file. */
  async #material(table: Table, key: string): Promise<string | undefined> {
    const inline = textOf(table, `${key}-data`);
    if (inline !== "") return Buffer.from(inline, "base64").toString("utf8");
    const file = textOf(table, key);
    return file === "" ? undefined : this.#read(this.#path(file));
  }

  #path(file: string): string {
    return resolve(dirname(this.#file), file);
  }

  #named(list: string, name: string, what: string): Table {
    const entries = Array.isArray(this.#tree[list]) ? this.#tree[list].map(tableOf) : [];
    const entry = entries.find((each) => each["name"] === name);
    if (entry === undefined) this.#fail(`it has no ${what} ${JSON.stringify(name)}`);
    return tableOf(entry[what]);
  }

  #fail(problem: string): never {
    throw new Error(`kubernetes: ${this.#file}: ${problem}`);
  }
}
