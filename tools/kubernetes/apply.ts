import { parseAllDocuments } from "yaml";
import type { Api } from "../../src/providers/kubernetes/client/api.ts";

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Makes the objects of a text of YAML, or changes them. */
export async function apply(api: Api, text: string): Promise<void> {
  const plurals = new Map<string, { readonly name: string; readonly namespaced: boolean }>();
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as Manifest | null;
    if (object === null) continue;
    const { apiVersion, kind, metadata } = object;
    const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    if (!plurals.has(`${apiVersion} ${kind}`)) {
      const found = (await ask(api, "GET", root)) as {
        readonly resources: readonly {
          readonly name: string;
          readonly kind: string;
          readonly namespaced: boolean;
        }[];
      };
      for (const resource of found.resources)
        if (!resource.name.includes("/")) plurals.set(`${apiVersion} ${resource.kind}`, resource);
    }
    const resource = plurals.get(`${apiVersion} ${kind}`);
    if (resource === undefined) throw new Error(`the cluster has no ${kind} of ${apiVersion}`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    const path = `${root}${namespace}/${resource.name}`;
    await ask(api, "POST", path, object).catch(async (error: { readonly status?: number }) => {
      if (error.status !== 409) throw error;
      await ask(api, "PATCH", `${path}/${metadata.name}`, object);
    });
  }
}

const ask = (api: Api, method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<unknown> =>
  api.json({ method, path, body, signal: AbortSignal.timeout(30_000) });
