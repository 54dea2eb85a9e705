import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ok } from "../../../src/lib/result.ts";
import type { Model } from "../../../src/model/model.ts";
import { EnvoyProvider } from "../../../src/providers/envoy/provider.ts";
import type { Message } from "../../../src/providers/envoy/read/wire.ts";
import {
  AdsServer,
  adsBootstrap,
  answeringRoutes,
  edsCluster,
  endpoints,
  httpListener,
  tcpListener,
} from "../../support/ads-server.ts";
import { soon } from "../../support/peer.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-ads-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const kinds = {
  Cluster: "envoy.config.cluster.v3.Cluster",
  ClusterLoadAssignment: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  Listener: "envoy.config.listener.v3.Listener",
  RouteConfiguration: "envoy.config.route.v3.RouteConfiguration",
} as const;

/** A provider that asks a control plane, and what it proposes. */
class Scene implements AsyncDisposable {
  readonly server: AdsServer;
  readonly provider: EnvoyProvider;
  /** How often there was news. */
  told = 0;
  readonly #stop = new AbortController();
  #news = Promise.withResolvers<void>();

  private constructor(server: AdsServer, protocol: "delta" | "sotw") {
    this.server = server;
    const file = join(dir, `${server.port}.yaml`);
    writeFileSync(file, adsBootstrap(server.port, protocol));
    this.provider = new EnvoyProvider({ file, env: {}, cwd: dir });
  }

  static async start(protocol: "delta" | "sotw"): Promise<Scene> {
    return new Scene(await AdsServer.start(protocol), protocol);
  }

  /** Answers the questions of a start: two clusters, and one listener. */
  async begin(): Promise<Model> {
    const model = await this.propose();
    this.watch();
    return model;
  }

  async propose(): Promise<Model> {
    const first = this.provider.propose();
    await this.server.request(({ type }) => type === "Cluster");
    this.send("Cluster", edsCluster("a"), edsCluster("b"));
    await this.server.request(({ type, names }) => type === "ClusterLoadAssignment" && names.length === 2);
    this.send("ClusterLoadAssignment", endpoints("a", 4001, 4002), endpoints("b", 4003));
    this.send("Listener", tcpListener("l", 4100, "a"));
    const { model, heard } = await soon(first, "the first proposal");
    heard(ok(1));
    return model;
  }

  watch(): void {
    this.provider.watch(() => {
      this.told++;
      this.#news.resolve();
    }, this.#stop.signal);
  }

  send(kind: keyof typeof kinds, ...resources: readonly Message[]): string {
    return this.server.send(kinds[kind], resources);
  }

  /** Answers the question for the endpoints of another cluster. */
  async sendEndpoints(cluster: string): Promise<void> {
    await this.server.request(
      ({ type, names }) => type === "ClusterLoadAssignment" && names.includes(cluster),
    );
    this.send("ClusterLoadAssignment", endpoints(cluster, 4009));
  }

  /** The model that is proposed at the next news; of several, the first that has a pool of this name. */
  async next(pool = "a"): Promise<Model> {
    for (;;) {
      await soon(this.#news.promise, "news");
      this.#news = Promise.withResolvers();
      const { model } = await this.provider.propose();
      if (model.pools.some(({ name }) => name === pool)) return model;
    }
  }

  /** The backends of every pool of a model, now. */
  poolsOf({ pools }: Model): Record<string, readonly string[]> {
    return Object.fromEntries(
      pools
        .filter(({ name }) => name !== "xds")
        .map(({ name, discovery }) => {
          const found = discovery.type === "endpoints" ? this.provider.board.of(discovery) : undefined;
          return [name, found?.map(({ address }) => address) ?? []];
        }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.provider.close();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Longer than the time within which changes are one. */
const together = (): Promise<void> => sleep(100);

for (const protocol of ["delta", "sotw"] as const)
  describe(`over ${protocol}`, () => {
    test("what is named is asked for, and all of it is proposed together and acknowledged", async () => {
      await using scene = await Scene.start(protocol);
      const model = await scene.begin();
      assert.deepEqual(scene.poolsOf(model), {
        a: ["127.0.0.1:4001", "127.0.0.1:4002"],
        b: ["127.0.0.1:4003"],
      });
      assert.deepEqual(
        model.listeners.map(({ name }) => name),
        ["l"],
      );
      const { message } = scene.server.requests[0]!;
      assert.deepEqual(
        [message.node("node")?.text("id"), message.node("node")?.text("cluster")],
        ["umay-1", "edge"],
      );
      const acknowledged = await scene.server.request(
        ({ type, nonce }) => type === "Listener" && nonce !== "",
      );
      assert.equal(acknowledged.refusal, "");
    });

    test("of a response with one bad resource the good ones are taken; the bad one keeps its last good version", async () => {
      await using scene = await Scene.start(protocol);
      await scene.begin();
      const nonce = scene.send(
        "Cluster",
        edsCluster("a", { lb_policy: "CLUSTER_PROVIDED" }),
        edsCluster("b"),
        edsCluster("c"),
      );
      const { refusal } = await scene.server.request((request) => request.nonce === nonce);
      assert.match(refusal, /^a: lb_policy CLUSTER_PROVIDED is not supported/);
      await scene.sendEndpoints("c");
      const model = await scene.next("c");
      assert.deepEqual(Object.keys(scene.poolsOf(model)).sort(), ["a", "b", "c"]);
      assert.equal(model.pools.find(({ name }) => name === "a")?.picker.type, "round-robin");
    });

    test("a control plane that sends the same bad resource again at once is answered later and later", async () => {
      await using scene = await Scene.start(protocol);
      await scene.begin();
      const bad = edsCluster("a", { lb_policy: "CLUSTER_PROVIDED" });
      const first = scene.send("Cluster", bad, edsCluster("b"));
      await scene.server.request(({ nonce }) => nonce === first);
      const began = performance.now();
      const second = scene.send("Cluster", bad, edsCluster("b"));
      await scene.server.request(({ nonce }) => nonce === second);
      assert.ok(performance.now() - began >= 2_990, "it was held back");
    });

    test("after the connection was lost everything is asked for again, and what is there stays", async () => {
      await using scene = await Scene.start(protocol);
      await scene.begin();
      const before = scene.server.requests.length;
      scene.server.breakOff();
      const again = (type: string) =>
        scene.server.request(
          (request) => request.type === type && scene.server.requests.indexOf(request) >= before,
        );
      await again("Cluster");
      const asked = await scene.server.request(
        (request) =>
          request.type === "ClusterLoadAssignment" &&
          request.names.length > 0 &&
          scene.server.requests.indexOf(request) >= before,
      );
      assert.deepEqual([...asked.names].sort(), ["a", "b"]);
      await again("Listener");
      assert.equal(scene.server.streams, 2);
      assert.deepEqual(scene.poolsOf((await scene.provider.propose()).model)["a"], [
        "127.0.0.1:4001",
        "127.0.0.1:4002",
      ]);
    });

    test("a listener waits for its routes, and a cluster may be named before it comes", async () => {
      await using scene = await Scene.start(protocol);
      await scene.begin();
      scene.send("Listener", tcpListener("l", 4100, "later"), httpListener("web", 4101, "r"));
      const waiting = await scene.next();
      assert.deepEqual(
        waiting.listeners.map(({ name }) => name),
        ["l"],
      );
      assert.deepEqual(scene.poolsOf(waiting)["later"], []);
      await scene.server.request(({ type, names }) => type === "RouteConfiguration" && names.includes("r"));
      scene.send("RouteConfiguration", answeringRoutes("r", 204));
      const served = await scene.next();
      assert.deepEqual(
        served.listeners.map(({ name }) => name),
        ["l", "web"],
      );
      assert.equal(served.routeTables[0]!.name, "r");
    });
  });

test("resources of the file itself find what they name at the control plane, and its news need no second look at the file", async () => {
  await using server = await AdsServer.start("delta");
  const file = join(dir, "own.yaml");
  const own = JSON.stringify([
    JSON.parse(
      JSON.stringify(httpListener("own", 4102, "r")).replaceAll('"@type":"', '"@type":"type.googleapis.com/'),
    ),
  ]);
  writeFileSync(file, `${adsBootstrap(server.port, "delta")}  listeners: ${own}\n`);
  const provider = new EnvoyProvider({ file, env: {}, cwd: dir });
  const stop = new AbortController();
  using stack = new DisposableStack();
  stack.defer(() => stop.abort());
  const news = Promise.withResolvers<void>();
  const first = provider.propose();
  await server.request(({ type }) => type === "Cluster");
  server.send(kinds.Cluster, []);
  server.send(kinds.Listener, []);
  await server.request(({ type, names }) => type === "RouteConfiguration" && names.includes("r"));
  server.send(kinds.RouteConfiguration, [answeringRoutes("r", 204)]);
  const { model } = await soon(first, "the first proposal");
  assert.deepEqual(
    [model.listeners.map(({ name }) => name), model.routeTables.map(({ name }) => name)],
    [["own"], ["r"]],
  );
  provider.watch(() => news.resolve(), stop.signal);
  writeFileSync(file, "not: { a: bootstrap");
  server.send(kinds.RouteConfiguration, [answeringRoutes("r", 418)]);
  await soon(news.promise, "news");
  const changed = await provider.propose(true);
  assert.match(JSON.stringify(changed.model.routeTables), /418/);
  await assert.rejects(provider.propose());
});

test("a change that comes after the first proposal is told as soon as somebody listens, and nothing else is", async () => {
  await using scene = await Scene.start("delta");
  await scene.propose();
  const change = scene.send("Cluster", edsCluster("c"));
  await scene.server.request(({ nonce }) => nonce === change);
  await scene.sendEndpoints("c");
  await together();
  scene.watch();
  assert.deepEqual(Object.keys(scene.poolsOf(await scene.next("c"))).sort(), ["a", "b", "c"]);

  await using quiet = await Scene.start("delta");
  await quiet.propose();
  await together();
  quiet.watch();
  assert.deepEqual([scene.told, quiet.told], [1, 0]);
});

test("a control plane that a later proposal is the first to name is followed, too", async () => {
  await using scene = await Scene.start("delta");
  const file = join(dir, `${scene.server.port}.yaml`);
  const named = readFileSync(file, "utf8");
  writeFileSync(file, "static_resources: {}");
  await scene.provider.propose().catch(() => {});
  scene.watch();
  writeFileSync(file, named);
  await scene.propose();
  scene.send("Cluster", edsCluster("c"));
  await scene.sendEndpoints("c");
  assert.ok("c" in scene.poolsOf(await scene.next("c")));
});

test("a listener whose address somebody else has is left out, and everything else is served", async () => {
  await using scene = await Scene.start("delta");
  await scene.begin();
  await using other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  scene.send("Listener", tcpListener("m", port, "a"), tcpListener("n", 4100, "a"), tcpListener("o", 0, "a"));
  const model = await scene.next();
  assert.deepEqual(
    model.listeners.map(({ name }) => name),
    ["l", "o"],
  );
});

test("what left is gone: by name, or because the state of the world is without it", async () => {
  await using delta = await Scene.start("delta");
  await delta.begin();
  delta.server.send(kinds.Cluster, [], ["b"]);
  assert.deepEqual(Object.keys(delta.poolsOf(await delta.next())), ["a"]);
  await using world = await Scene.start("sotw");
  await world.begin();
  world.send("Cluster", edsCluster("a"));
  assert.deepEqual(Object.keys(world.poolsOf(await world.next())), ["a"]);
});
