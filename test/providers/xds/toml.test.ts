import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { XdsCache } from "../../../src/model/xds.ts";
import { ConfigError } from "../../../src/providers/provider.ts";
import { TomlProvider } from "../../../src/providers/toml/provider.ts";
import { CacheFile } from "../../../src/providers/xds/cache.ts";
import { AdsServer, edsCluster, endpoints, tcpListener } from "../../support/ads-server.ts";
import { soon } from "../../support/peer.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-xds-toml-"));
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;

function write(text: string): string {
  const file = join(dir, `${files++}.toml`);
  writeFileSync(file, text);
  return file;
}

const provide = (file: string): TomlProvider => new TomlProvider({ file, env: {}, cwd: dir });

const table = (ports: readonly number[], more = ""): string => `
[xds]
servers = [${ports.map((port) => `"127.0.0.1:${port}"`).join(", ")}]
node = { id = "umay-1", cluster = "edge", metadata = { rack = 7 }, locality = { zone = "a" } }
${more}
`;

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
};

/** Answers the questions of a start: a cluster with an endpoint, and a listener that leads to it. */
async function answer(control: AdsServer): Promise<void> {
  await control.request(({ type }) => type === "Cluster");
  control.send(types.cluster, [edsCluster("a")]);
  control.send(types.listener, [tcpListener("l", 4100, "a")]);
  await control.request(({ type }) => type === "ClusterLoadAssignment");
  control.send(types.endpoints, [endpoints("a", 4001)]);
}

/** Resolves when the file `cache` has so many resources. */
async function cached(count: number): Promise<void> {
  const settings: XdsCache = { file: join(dir, "cache"), secrets: "omit", keyFile: undefined };
  const file = new CacheFile(settings, { id: "umay-1", cluster: "edge" });
  for await (const _ of watch(dir)) if ((await file.load()).length >= count) return;
}

test("a control plane of [xds] is served beside the file, which keeps its names; servers are tried in turn", async () => {
  await using control = await AdsServer.start("delta");
  const own = `
listeners.own = { bind = "127.0.0.1:0", pool = "a" }
listeners.l = { bind = "127.0.0.1:0", pool = "b" }
[pools.b.discovery]
type = "static"
backends = ["127.0.0.1:2"]
`;
  const provider = provide(write(own + table([1, control.port])));
  using stack = new DisposableStack();
  stack.defer(() => provider.close());
  const first = provider.propose();
  await answer(control);
  const { model, warnings } = await soon(first, "the first proposal");
  assert.deepEqual(
    model.listeners.map(({ name, bind }) => [name, bind.kind === "tcp" && bind.port]),
    [
      ["own", 0],
      ["l", 0],
    ],
  );
  assert.deepEqual(model.pools.map(({ name, discovery }) => [name, discovery.type]).sort(), [
    ["a", "endpoints"],
    ["b", "static"],
  ]);
  assert.match(warnings[0]!.message, /the control plane of \[xds\] has to send a cluster of that name/);
  const node = control.requests[0]!.message.node("node")!;
  assert.deepEqual(
    [node.text("id"), node.text("cluster"), node.node("locality")?.text("zone")],
    ["umay-1", "edge", "a"],
  );
});

test("the last good state is served after a restart without a control plane, and its versions are told to it", async () => {
  const cache = `cache_file = "cache"\n`;
  const control = await AdsServer.start("delta");
  const file = write(table([control.port], cache));
  {
    const provider = provide(file);
    using stack = new DisposableStack();
    stack.defer(() => provider.close());
    const kept = soon(cached(3), "the cache");
    const first = provider.propose();
    await answer(control);
    await soon(first, "the first proposal");
    await kept;
  }
  await control[Symbol.asyncDispose]();
  const provider = provide(file);
  using stack = new DisposableStack();
  stack.defer(() => provider.close());
  const { model } = await soon(provider.propose(), "a proposal without a control plane");
  assert.deepEqual(
    model.listeners.map(({ name }) => name),
    ["l"],
  );
  assert.deepEqual(
    provider.board.of({ service: "a", port: "" })?.map(({ address }) => address),
    ["127.0.0.1:4001"],
  );
  await using again = await AdsServer.start("delta", control.port);
  const asked = await again.request(({ type }) => type === "Cluster");
  assert.deepEqual(
    [...asked.message.map("initial_resource_versions")].map(([name]) => name),
    ["a"],
  );
});

test("wrong keys are told with their places", async () => {
  const wrong = [
    [`cache_secrets = "encrypt"\ncache_file = "c"`, /cache_secrets: needs cache_key_file/],
    [`cache_file = "nowhere/c"`, /cache_file: can't be made, because its folder .*nowhere does not exist/],
    [`cache_key_file = "k"`, /cache_key_file: has no effect/],
    [`cache_secrets = "clear"`, /cache_secrets: has no effect without cache_file/],
    [`protocol = "grpc"`, /protocol: expected "delta" or "sotw"/],
    [`initial_timeout = "0s"`, /initial_timeout: expected a duration/],
  ] as const;
  for (const [line, expected] of wrong)
    await assert.rejects(provide(write(table([1], line))).propose(), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, expected);
      return true;
    });
  await assert.rejects(provide(write("")).propose(), /expected at least one table \[listeners\.<name>\]/);
});
