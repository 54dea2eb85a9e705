import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { readWire } from "../../../src/providers/envoy/read/wire.ts";
import { messageType } from "../../../src/providers/envoy/schema/registry.ts";
import { StreamClient } from "../../../src/providers/xds/client.ts";
import { aggregated } from "../../../src/providers/xds/messages.ts";
import { kindNames, kinds } from "../../../src/providers/xds/resources.ts";
import { AdsServer, edsCluster } from "../../support/ads-server.ts";
import { soon } from "../../support/peer.ts";

for (const protocol of ["delta", "sotw"] as const)
  test(`a stream that ends while what it brought is judged changes nothing, and the next one is asked and taken, over ${protocol}`, async () => {
    await using server = await AdsServer.start(protocol);
    const [judging, judged] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [away, changed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let judgements = 0;
    const taken: string[] = [];
    const client = new StreamClient({
      servers: [{ name: "it", authority: "it", dial: async () => connect(server.port, "127.0.0.1") }],
      protocol,
      method: aggregated(protocol),
      kinds: kindNames,
      isRoot: (kind) => kinds[kind].wildcard,
      node: { id: "umay-1", cluster: "edge" },
      judge: async (kind, { bytes }) => {
        judging.resolve();
        if (++judgements === 1) await judged.promise;
        const node = readWire(messageType(kinds[kind].type), bytes, [], () => {});
        return { node, references: [], isSecret: false };
      },
      taken: (kind, changes) => {
        client.ask("endpoints", kind === "cluster" ? changes.map(({ name }) => name) : [], []);
        taken.push(...changes.map(({ name }) => name));
        if (changes.length > 0) changed.resolve();
      },
      looked: away.resolve,
      random: () => 0,
    });
    using stack = new DisposableStack();
    stack.defer(() => client.stop());
    client.start();
    const first = await server.request(({ type }) => type === "Cluster");
    const nonce = server.send("envoy.config.cluster.v3.Cluster", [edsCluster("a")]);
    await soon(judging.promise, "the judge");
    server.breakOff();
    await soon(away.promise, "the end of the stream");
    // A response of the next stream waits for that one.
    await server.request(({ type, message }) => type === "Cluster" && message !== first.message);
    server.send("envoy.config.cluster.v3.Cluster", [edsCluster("b")]);
    judged.resolve();
    await soon(changed.promise, "the change");
    assert.deepEqual([taken, [...client.resources.get("cluster")!.good.keys()]], [["b"], ["b"]]);
    const asked = await server.request(({ type }) => type === "ClusterLoadAssignment");
    assert.deepEqual([asked.names, server.streams], [["b"], 2]);
    assert.ok(!server.requests.some((request) => request.nonce === nonce), "nobody is left to answer");
  });

test("responses are taken also after refused resources could not be judged again", async () => {
  await using server = await AdsServer.start("delta");
  const changed = Promise.withResolvers<void>();
  const told: string[] = [];
  let tries = 0;
  const client = new StreamClient({
    servers: [{ name: "it", authority: "it", dial: async () => connect(server.port, "127.0.0.1") }],
    protocol: "delta",
    method: aggregated("delta"),
    kinds: kindNames,
    isRoot: (kind) => kinds[kind].wildcard,
    node: { id: "umay-1", cluster: "edge" },
    judge: async (kind, { bytes }) =>
      ++tries === 1
        ? { refusal: "not now", isOwn: false, mayPass: true }
        : {
            node: readWire(messageType(kinds[kind].type), bytes, [], () => {}),
            references: [],
            isSecret: false,
          },
    taken: (_, [change]) => {
      if (change?.name === "a") throw new Error("a defect");
      if (change?.name === "b") changed.resolve();
    },
    looked: () => {},
    logger: { info: () => {}, warn: (_, message) => void told.push(message) },
  });
  using stack = new DisposableStack();
  stack.defer(() => client.stop());
  client.start();
  await server.request(({ type }) => type === "Cluster");
  const nonce = server.send("envoy.config.cluster.v3.Cluster", [edsCluster("a")]);
  await server.request((request) => request.nonce === nonce);
  await client.again();
  assert.equal(told.at(-1), "refused resources can't be judged again");
  server.send("envoy.config.cluster.v3.Cluster", [edsCluster("b")]);
  await soon(changed.promise, "the next response");
});
