import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "../../../src/providers/kubernetes/client/api.ts";
import { ApiServer, writeKubeconfig } from "../api-server.ts";
import { Applier, apply, applyRights, type Manifest } from "../apply.ts";
import { gatewayClass, namespace, namespaceObject } from "./objects.ts";
import { Replica } from "./replica.ts";

export const umayUser = "system:serviceaccount:umay:umay";
export const umay = resolve(import.meta.dirname, "../../../bin/umay.js");

/** The findings of a proof, by name. */
export type Figures = Readonly<Record<string, unknown>>;

export interface WorldOptions {
  /** The folder that build.sh filled. */
  readonly folder: string;
  /** For files. */
  readonly dir: string;
  /** umay's rights, by the manifests that have them. */
  readonly rights?: string;
}

/** A condition as the API server has it. */
export interface ToldCondition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
}

interface Told {
  readonly metadata: { readonly name: string; readonly generation: number; readonly resourceVersion: string };
  readonly status?: {
    readonly conditions?: readonly ToldCondition[];
    readonly parents?: readonly { readonly conditions: readonly ToldCondition[] }[];
  };
}

/** A cluster: a real API server, the Gateway API's definitions, umay's rights, and an administrator. */
export class World implements AsyncDisposable {
  readonly server: ApiServer;
  readonly admin: Api;
  readonly dir: string;
  readonly folder: string;
  readonly #applier: Applier;
  readonly #stack = new AsyncDisposableStack();

  static async start({ folder, dir, rights = "cluster.yaml" }: WorldOptions): Promise<World> {
    const server = await ApiServer.start({ folder, dir, address: "10.244.1.1", umay, audit: true });
    const world = new World(server, await server.api(), { folder, dir });
    const definitions = readFileSync(join(folder, "gateway-api-folder"), "utf8").trim();
    for (const file of globSync(join(definitions, "config/crd/standard/*.yaml")))
      await apply(world.admin, readFileSync(file, "utf8"));
    await applyRights(world.admin, rights);
    await world.until(() => world.ask("GET", "/apis/gateway.networking.k8s.io/v1/httproutes"));
    for (const object of [namespaceObject(namespace), gatewayClass]) await world.apply(object);
    return world;
  }

  private constructor(server: ApiServer, admin: Api, { folder, dir }: WorldOptions) {
    this.server = this.#stack.use(server);
    this.admin = this.#stack.adopt(admin, () => admin.close());
    this.dir = dir;
    this.folder = folder;
    this.#applier = new Applier(admin, {});
  }

  async apply(...objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) await this.#applier.apply(object);
  }

  ask(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object): Promise<unknown> {
    return this.admin.json({ method, path, body, signal: AbortSignal.timeout(30_000) });
  }

  /** An object of the namespace of the proofs. @param collection such as `gateway.networking.k8s.io/v1/gateways`. */
  async get(collection: string, name: string): Promise<Told> {
    const [group, version, plural] = collection.split("/");
    return (await this.ask(
      "GET",
      `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`,
    )) as Told;
  }

  /** Waits until something does not throw. @returns how long it took, in milliseconds. */
  async until(holds: () => unknown, patience = 60_000): Promise<number> {
    const began = performance.now();
    for (;;) {
      try {
        await holds();
        return Math.round(performance.now() - began);
      } catch (error) {
        if (performance.now() - began > patience) throw error;
        await sleep(100);
      }
    }
  }

  /** A token of a service account, as the kubelet puts it into pods. */
  async token(of = "umay/umay"): Promise<string> {
    const [place, name] = of.split("/");
    const path = `/api/v1/namespaces/${place}/serviceaccounts/${name}/token`;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const { status } = (await this.ask("POST", path, body)) as {
      readonly status: { readonly token: string };
    };
    return status.token;
  }

  /** The token of umay's service account in a file, where replicas read it. */
  async tokenFile(): Promise<string> {
    const file = join(this.dir, "token");
    writeFileSync(file, await this.token());
    return file;
  }

  /** Starts a replica with a service account's token. @param address of its pod. */
  async replica(address: string, settings?: string): Promise<Replica> {
    const login = { tokenFile: await this.tokenFile() };
    const kubeconfig = writeKubeconfig(this.dir, this.server.url, "pod", login);
    const replica = await Replica.start({
      address,
      kubeconfig,
      dir: this.dir,
      umay,
      ...(settings !== undefined && { settings }),
    });
    return this.#stack.use(replica);
  }

  /** Ends with the world. */
  use<T extends AsyncDisposable>(value: T): T {
    return this.#stack.use(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** @throws unless the conditions of an object, or of its first parent, are of its present generation and say so. */
export function mustSay({ metadata, status }: Told, type: string, value = "True"): void {
  const all = status?.parents?.[0]?.conditions ?? status?.conditions;
  const found = all?.find((each) => each.type === type);
  if (found?.status !== value || found.observedGeneration !== metadata.generation)
    throw new Error(`${metadata.name}: ${type} is not ${value}: ${JSON.stringify(status)}`);
}

/** @throws unless it holds. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
