import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubernetesServer } from "./server.ts";

/** @param namespace of its context. @returns the file. */
export function writeKubeconfig(folder: string, { url }: KubernetesServer, namespace = "umay"): string {
  const file = join(folder, "kubeconfig");
  writeFileSync(
    file,
    JSON.stringify({
      "current-context": "it",
      contexts: [{ name: "it", context: { cluster: "it", user: "it", namespace } }],
      clusters: [{ name: "it", cluster: { server: url } }],
      users: [{ name: "it", user: { token: "secret" } }],
    }),
  );
  return file;
}
