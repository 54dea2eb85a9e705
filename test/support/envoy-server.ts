import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endWithTest } from "./end-with-test.ts";
import { cluster, typed } from "./envoy.ts";
import { startEnvoy } from "./envoy-program.ts";
import { freePorts } from "./free-ports.ts";

/** An Envoy that is asked in HTTP/2, without TLS, and passes on to another server. @param to its address. */
export async function startHttp2Envoy(to: string): Promise<{ readonly address: string } & AsyncDisposable> {
  const [port] = await freePorts(1);
  const manager = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "test",
    codec_type: "HTTP2",
    http_filters: [{ name: "router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router") }],
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s" } }],
        },
      ],
    },
  });
  const listener = {
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  };
  const app = cluster("app", Number(to.split(":")[1]));
  const named = {
    ...app,
    load_assignment: { cluster_name: "app", ...(app as { load_assignment: object }).load_assignment },
  };
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-envoy-"));
  const file = join(dir.path, "envoy.json");
  writeFileSync(file, JSON.stringify({ static_resources: { listeners: [listener], clusters: [named] } }));
  const child = endWithTest(await startEnvoy(file));
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      dir.remove();
    },
  };
}
