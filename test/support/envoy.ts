import assert from "node:assert/strict";
import type { HttpRoute, HttpRouteTable } from "../../src/model/http/route.ts";
import type { Model } from "../../src/model/model.ts";
import { loadEnvoyText } from "../../src/providers/envoy/load.ts";
import { ConfigError, problemText } from "../../src/providers/provider.ts";

/** A message in an `Any`. */
export const typed = (name: string, fields: object = {}): object => ({
  "@type": `type.googleapis.com/${name}`,
  ...fields,
});

/** An HTTP filter. @param kind `rbac.v3.RBAC`, say. */
export const httpFilter = (kind: string, config: object = {}, more: object = {}): object => ({
  name: kind,
  typed_config: typed(`envoy.extensions.filters.http.${kind}`, config),
  ...more,
});

/** A static cluster. */
export const cluster = (name: string, port: number, more: object = {}): object => ({
  name,
  load_assignment: {
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
        ],
      },
    ],
  },
  ...more,
});

/** The parts of a file with one listener that speaks HTTP. */
export interface EnvoyFile {
  readonly routes?: readonly object[];
  /** Further fields of the virtual host, of its table, and of the connection manager. */
  readonly host?: object;
  readonly table?: object;
  readonly manager?: object;
  readonly filters?: readonly object[];
  readonly port?: number;
  /** Further fields of the listener. */
  readonly listener?: object;
  readonly clusters?: readonly object[];
}

/** A bootstrap file, with the cluster `a` unless others are given, to which every request goes where no routes are. */
export function envoyFile(file: EnvoyFile): string {
  const { routes, host, table, manager, filters = [], port = 4000, clusters = [cluster("a", 4001)] } = file;
  const { listener } = file;
  const all = [...filters, httpFilter("router.v3.Router")];
  const config = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    http_filters: all,
    route_config: {
      virtual_hosts: [
        {
          name: "h",
          domains: ["*"],
          routes: routes ?? [{ match: { prefix: "/" }, route: { cluster: "a" } }],
          ...host,
        },
      ],
      ...table,
    },
    ...manager,
  });
  return JSON.stringify({
    static_resources: {
      listeners: [
        {
          name: "l",
          ...listener,
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [{ filters: [{ name: "http", typed_config: config }] }],
        },
      ],
      clusters,
    },
  });
}

const options = { name: "envoy.yaml", directory: "/", env: {}, terminal: false };

/** The model that a file is mapped to, with the texts of its warnings. */
export async function loadFile(
  file: EnvoyFile,
): Promise<{ readonly model: Model; readonly warnings: readonly string[] }> {
  const { model, warnings } = await loadEnvoyText(envoyFile(file), options);
  return { model, warnings: warnings.map(problemText) };
}

/** The table of a good file, of which nothing is warned. */
export async function loadTable(file: EnvoyFile): Promise<HttpRouteTable> {
  const { model, warnings } = await loadFile(file);
  assert.deepEqual(warnings, []);
  return model.routeTables[0]!;
}

/** The routes of a good file, in their order. */
export async function loadRoutes(file: EnvoyFile): Promise<readonly HttpRoute[]> {
  return (await loadTable(file)).hosts[0]!.rules.map(({ route }) => route);
}

/** The problems of a file that is not taken. */
export async function problemsOf(file: EnvoyFile): Promise<readonly string[]> {
  try {
    await loadEnvoyText(envoyFile(file), options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(problemText);
  }
  assert.fail("it is good");
}
