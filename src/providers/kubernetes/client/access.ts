import { resolve } from "node:path";
import { describeReadError, readWhole } from "../../../lib/read-file.ts";
import type { ExecPlugin } from "./exec-plugin.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { type Token, TokenFile } from "./token.ts";

/** An API server, and as whom it is asked. */
export interface ClusterAccess {
  /** With a path where the server is behind one; without a slash at its end. */
  readonly server: URL;
  /** The CAs of its certificate, PEM; undefined: those that Node knows. */
  readonly ca: string | undefined;
  /** The name that its certificate has, where that is another than the URL's. */
  readonly serverName: string | undefined;
  /** umay's own certificate with its key, PEM. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  readonly token: Token | undefined;
  /** Says certificate and token in place of those. */
  readonly exec: ExecPlugin | undefined;
  /** The namespace in which umay has its Lease. */
  readonly namespace: string;
}

/** Of a CA, a token or a kubeconfig, in bytes. */
const mostOfFile = 1024 * 1024;
const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * @param kubeconfig a file; empty: the pod's own service account.
 * @param folder where the service account is mounted.
 * @throws Error that says what is missing and what to do.
 */
export async function readAccess(
  kubeconfig: string,
  env: NodeJS.ProcessEnv,
  folder: string = mounted,
): Promise<ClusterAccess> {
  if (kubeconfig !== "") return readKubeconfig(resolve(kubeconfig), readText);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined)
    throw new Error(
      "kubernetes: umay is in no pod (KUBERNETES_SERVICE_HOST is not set); set kubernetes.kubeconfig to a file",
    );
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const token = new TokenFile(`${folder}/token`);
  await token.value();
  return {
    server,
    ca: await readText(`${folder}/ca.crt`),
    serverName: undefined,
    certificate: undefined,
    token,
    exec: undefined,
    namespace: (await readText(`${folder}/namespace`)).trim(),
  };
}

async function readText(file: string): Promise<string> {
  try {
    return (await readWhole(file, mostOfFile)).toString("utf8");
  } catch (error) {
    throw new Error(`kubernetes: ${file} ${describeReadError(error)}`, { cause: error });
  }
}
