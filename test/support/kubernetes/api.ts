import { Api } from "../../../src/providers/kubernetes/client/api.ts";
import type { ExecPlugin } from "../../../src/providers/kubernetes/client/exec-plugin.ts";
import type { Token } from "../../../src/providers/kubernetes/client/token.ts";
import type { KubernetesServer } from "./server.ts";

/** A server as umay asks it. */
export function apiOf(server: KubernetesServer, token?: Token, exec?: ExecPlugin): Api {
  return new Api({
    server: new URL(server.url),
    ca: undefined,
    serverName: undefined,
    certificate: undefined,
    token,
    exec,
    namespace: "umay",
  });
}
