import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Api } from "../../src/providers/kubernetes/client/api.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object };
  readonly [key: string]: unknown;
}

export interface ApplyOptions {
  /** Whether the server only checks it. */
  readonly dryRun?: boolean;
}

const rights: ReadonlySet<string> = new Set([
  "ServiceAccount",
  "Role",
  "RoleBinding",
  "ClusterRole",
  "ClusterRoleBinding",
]);

export const manifestsOf = (text: string): readonly Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);

/** Makes the objects of a text of YAML, or changes them. */
export async function apply(api: Api, text: string, options: ApplyOptions = {}): Promise<void> {
  const applier = new Applier(api, options);
  for (const object of manifestsOf(text)) await applier.apply(object);
}

/** Gives umay the rights that the chart's plain manifests have. @param file such as `cluster.yaml`. */
export async function applyRights(api: Api, file: string): Promise<void> {
  const applier = new Applier(api, {});
  const text = readFileSync(join(import.meta.dirname, "../../contrib/helm/umay/manifests", file), "utf8");
  const objects = manifestsOf(text).filter(({ kind }) => rights.has(kind));
  const namespaces = new Set(objects.flatMap(({ metadata: { namespace } }) => namespace ?? []));
  for (const name of namespaces)
    await applier.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const object of objects) await applier.apply(object);
}

/** Applies objects. A field that the server does not know is an error. */
export class Applier {
  readonly #api: Api;
  readonly #query: string;
  readonly #plurals = new Map<string, { readonly name: string; readonly namespaced: boolean }>();

  constructor(api: Api, { dryRun = false }: ApplyOptions) {
    this.#api = api;
    this.#query = `?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
  }

  async apply(object: Manifest): Promise<void> {
    const { metadata } = object;
    const path = await this.#pathOf(object);
    await this.#ask("POST", `${path}${this.#query}`, object).catch(
      async (error: { readonly status?: number }) => {
        if (error.status !== 409) throw error;
        await this.#ask("PATCH", `${path}/${metadata.name}${this.#query}`, object);
      },
    );
  }

  async #pathOf({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    if (!this.#plurals.has(`${apiVersion} ${kind}`)) {
      const found = (await this.#ask("GET", root)) as {
        readonly resources: readonly {
          readonly name: string;
          readonly kind: string;
          readonly namespaced: boolean;
        }[];
      };
      for (const resource of found.resources)
        if (!resource.name.includes("/")) this.#plurals.set(`${apiVersion} ${resource.kind}`, resource);
    }
    const resource = this.#plurals.get(`${apiVersion} ${kind}`);
    if (resource === undefined) throw new Error(`the cluster has no ${kind} of ${apiVersion}`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return `${root}${namespace}/${resource.name}`;
  }

  #ask(method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<unknown> {
    return this.#api.json({ method, path, body, signal: AbortSignal.timeout(30_000) });
  }
}
