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
  test(`a stream that ends while what it brought is judged leaves nothing unasked, over ${protocol}`, async () => {
    await using server = await AdsServer.start(protocol);
    const [judging, judged] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [away, changed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const client = new StreamClient({
      servers: [{ name: "it", authority: "it", dial: async () => connect(server.port, "127.0.0.1") }],
      protocol,
      method: aggregated(protocol),
      kinds: kindNames,
      isRoot: (kind) => kinds[kind].wildcard,
      node: { id: "umay-1", cluster: "edge" },
      judge: async (kind, { bytes }) => {
        judging.resolve();
        await judged.promise;
        const node = readWire(messageType(kinds[kind].type), bytes, [], () => {});
        return { node, references: [], isSecret: false };
      },
      taken: (kind, changes) => {
        client.ask("endpoints", kind === "cluster" ? changes.map(({ name }) => name) : [], []);
        changed.resolve();
      },
      looked: away.resolve,
      random: () => 0,
    });
    using stack = new DisposableStack();
    stack.defer(() => client.stop());
    client.start();
    await server.request(({ type }) => type === "Cluster");
    const nonce = server.send("envoy.config.cluster.v3.Cluster", [edsCluster("a")]);
    await soon(judging.promise, "the judge");
    server.breakOff();
    await soon(away.promise, "the end of the stream");
    judged.resolve();
    await soon(changed.promise, "the change");
    const asked = await server.request(({ type }) => type === "ClusterLoadAssignment");
    assert.deepEqual([asked.names, server.streams], [["a"], 2]);
    assert.ok(!server.requests.some((request) => request.nonce === nonce), "nobody is left to answer");
  });
