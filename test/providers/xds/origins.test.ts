import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Model } from "../../../src/model/model.ts";
import { EnvoyProvider } from "../../../src/providers/envoy/provider.ts";
import { methodOf } from "../../../src/providers/xds/messages.ts";
import {
  AdsServer,
  answeringRoutes,
  edsCluster,
  endpoints,
  httpListener,
  tcpListener,
} from "../../support/ads-server.ts";
import { soon } from "../../support/peer.ts";

const top = mkdtempSync(join(tmpdir(), "umay-origins-"));
after(() => rmSync(top, { recursive: true, force: true }));

let folders = 0;

/** A folder of files that are put into their place by a rename, and a provider of its bootstrap file. */
class Folder implements Disposable {
  readonly provider: EnvoyProvider;
  readonly warnings: string[] = [];
  readonly #path = join(top, String(folders++));
  readonly #stop = new AbortController();
  #news = Promise.withResolvers<void>();

  constructor(bootstrap: string) {
    mkdirSync(this.#path);
    this.write("envoy.yaml", bootstrap);
    this.provider = new EnvoyProvider({
      file: join(this.#path, "envoy.yaml"),
      env: {},
      cwd: this.#path,
    });
    const warn = (fields: object, message: string): unknown =>
      this.warnings.push(`${message} ${JSON.stringify(fields)}`);
    this.provider.logTo({ info: () => {}, warn });
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.#path, `${name}.new`), text);
    renameSync(join(this.#path, `${name}.new`), join(this.#path, name));
  }

  /** A `DiscoveryResponse` with these resources. */
  put(name: string, ...resources: readonly object[]): void {
    this.write(name, JSON.stringify({ version_info: "1", resources: resources.map(withUrl) }));
  }

  async propose(): Promise<Model> {
    const { model } = await soon(this.provider.propose(), "a proposal");
    this.provider.watch(() => this.#news.resolve(), this.#stop.signal);
    return model;
  }

  /** The first model after news for which the predicate holds. */
  async until(predicate: (model: Model) => boolean): Promise<Model> {
    for (;;) {
      await soon(this.#news.promise, "news");
      this.#news = Promise.withResolvers();
      const { model } = await this.provider.propose();
      if (predicate(model)) return model;
    }
  }

  backends(service: string): readonly string[] | undefined {
    return this.provider.board.of({ service, port: "" })?.map(({ address }) => address);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.provider.close();
  }
}

const withUrl = (resource: object): object => ({
  ...resource,
  "@type": `type.googleapis.com/${(resource as { "@type": string })["@type"]}`,
});

const fileSource = (path: string): object => ({ path_config_source: { path } });

const ofFiles = `
dynamic_resources:
  cds_config: { path_config_source: { path: cds.json } }
  lds_config: { path: lds.json }
`;

const clusterOf = (name: string): object =>
  edsCluster(name, { eds_cluster_config: { eds_config: fileSource("eds.json") } });

/** A listener whose routes come from a file. */
function listenerOf(name: string, port: number, routes: string): object {
  const text = JSON.stringify(httpListener(name, port, routes));
  const filter = text.replace('{"ads":{}}', JSON.stringify(fileSource("rds.json")));
  return JSON.parse(filter.replaceAll('"@type":"envoy', '"@type":"type.googleapis.com/envoy')) as object;
}

const namesOf = ({ listeners }: Model): readonly string[] => listeners.map(({ name }) => name);

test("files of Envoy's are followed: clusters, endpoints, listeners and routes, each in its own file", async () => {
  using folder = new Folder(ofFiles);
  folder.put("eds.json", endpoints("a", 4001), endpoints("other", 1));
  folder.put("cds.json", clusterOf("a"));
  folder.put("rds.json", answeringRoutes("r", 204));
  const listener = listenerOf("web", 4101, "r");
  folder.write(
    "lds.json",
    JSON.stringify({
      resources: [{ ...listener, "@type": "type.googleapis.com/envoy.config.listener.v3.Listener" }],
    }),
  );
  const model = await folder.propose();
  assert.deepEqual(
    [namesOf(model), model.pools.map(({ name }) => name), model.routeTables.map(({ name }) => name)],
    [["web"], ["a"], ["r"]],
  );
  assert.deepEqual([folder.backends("a"), folder.backends("other")], [["127.0.0.1:4001"], undefined]);
  folder.put("cds.json", clusterOf("a"), clusterOf("other"));
  const more = await folder.until(({ pools }) => pools.length === 2);
  assert.deepEqual(more.pools.map(({ name }) => name).sort(), ["a", "other"]);
  folder.put("rds.json", answeringRoutes("r", 418));
  const changed = await folder.until(({ routeTables }) => JSON.stringify(routeTables).includes("418"));
  assert.deepEqual(namesOf(changed), ["web"]);
});

test("a file that can't be read changes nothing, and of a bad resource the last good version stays", async () => {
  using folder = new Folder(ofFiles);
  folder.put("eds.json", endpoints("a", 4001), endpoints("b", 4002), endpoints("c", 4003));
  folder.put("cds.json", clusterOf("a"), clusterOf("b"));
  folder.put("lds.json", tcpListener("l", 4100, "a"));
  await folder.propose();
  folder.write("lds.json", "{ resources: [");
  folder.put("cds.json", { ...clusterOf("a"), lb_policy: "CLUSTER_PROVIDED" }, clusterOf("b"), {
    ...clusterOf("b"),
    name: "c",
  });
  const model = await folder.until(({ pools }) => pools.some(({ name }) => name === "c"));
  assert.deepEqual(namesOf(model), ["l"]);
  assert.ok(model.pools.some(({ name, picker }) => name === "a" && picker.type === "round-robin"));
  assert.match(
    folder.warnings.join("\n"),
    /resources of a file are refused; .*a: lb_policy CLUSTER_PROVIDED/,
  );
});

test("a file that no resource names any more is left", async () => {
  using folder = new Folder(ofFiles);
  const from = (path: string): object =>
    edsCluster("a", { eds_cluster_config: { eds_config: fileSource(path) } });
  folder.put("old.json", endpoints("a", 4001));
  folder.put("new.json", endpoints("a", 4002));
  folder.put("cds.json", from("old.json"));
  folder.put("lds.json");
  await folder.propose();
  const places = (): readonly string[] =>
    (folder.provider.controlPlanes() ?? [])
      .map(({ place }) => place.slice(place.lastIndexOf("/") + 1))
      .sort();
  assert.deepEqual(places(), ["cds.json", "lds.json", "old.json"]);
  folder.put("cds.json", from("new.json"));
  await folder.until(() => folder.backends("a")?.[0] === "127.0.0.1:4002");
  assert.deepEqual(places(), ["cds.json", "lds.json", "new.json"]);
  folder.put("cds.json");
  await folder.until(({ pools }) => pools.length === 0);
  assert.deepEqual(places(), ["cds.json", "lds.json"]);
});

test("streams for single kinds stand beside ADS: each asks by its own method, and names its node", async () => {
  await using control = await AdsServer.start("delta");
  const stream = `{ api_config_source: { api_type: DELTA_GRPC, grpc_services: [{ envoy_grpc: { cluster_name: xds } }] } }`;
  using folder = new Folder(`
node: { id: umay-1, cluster: edge }
dynamic_resources:
  cds_config: ${stream}
  lds_config: ${stream}
static_resources:
  clusters:
  - name: xds
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${control.port} } } } }] }] }
`);
  const first = folder.propose();
  const [cds, lds, eds] = (["cluster", "listener", "endpoints"] as const).map((kind) =>
    methodOf(kind, "delta"),
  );
  const asked = await control.request(({ method }) => method === cds);
  assert.deepEqual([asked.type, asked.message.node("node")?.text("id")], ["Cluster", "umay-1"]);
  // `self` is where the cluster came from.
  const own = edsCluster("a", { eds_cluster_config: { eds_config: { self: {} } } });
  control.send("envoy.config.cluster.v3.Cluster", [own], [], cds);
  await control.request(({ method }) => method === lds);
  control.send("envoy.config.listener.v3.Listener", [tcpListener("l", 4100, "a")], [], lds);
  const named = await control.request(({ method }) => method === eds);
  assert.deepEqual([named.type, named.names], ["ClusterLoadAssignment", ["a"]]);
  control.send("envoy.config.endpoint.v3.ClusterLoadAssignment", [endpoints("a", 4001)], [], eds);
  assert.deepEqual(namesOf(await first), ["l"]);
  assert.deepEqual(folder.backends("a"), ["127.0.0.1:4001"]);
});
