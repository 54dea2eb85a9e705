import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readMessage } from "../../../src/providers/envoy/read/message.ts";
import { type Message, readWire, writeWire } from "../../../src/providers/envoy/read/wire.ts";
import { messageType } from "../../../src/providers/envoy/schema/registry.ts";
import { edsCluster, endpoints, httpListener } from "../../support/ads-server.ts";

const silent = (): void => {};

test("what is written is read again: numbers, wrappers, durations, enums, lists, maps and messages in messages", () => {
  const type = messageType("envoy.config.cluster.v3.Cluster");
  const cluster = fc.record({
    name: fc.string(),
    type: fc.constantFrom("STATIC", "EDS"),
    connect_timeout: fc.nat({ max: 1e9 }),
    outlier_detection: fc.record({ consecutive_5xx: fc.nat(), base_ejection_time: fc.nat({ max: 1e6 }) }),
    load_assignment: fc.array(fc.nat({ max: 65_535 })).map((ports) => endpoints("c", ...ports)),
  });
  fc.assert(
    fc.property(cluster, (given) => {
      const node = readWire(type, writeWire(type, given as Message), [], silent);
      const outlier = node.node("outlier_detection")!;
      assert.deepEqual(
        [node.text("name"), node.text("type"), node.number("connect_timeout")],
        [given.name, given.type, given.connect_timeout],
      );
      assert.deepEqual(
        [outlier.number("consecutive_5xx"), outlier.number("base_ejection_time")],
        [given.outlier_detection.consecutive_5xx, given.outlier_detection.base_ejection_time],
      );
      const members = node.node("load_assignment")!.nodes("endpoints")[0]!.nodes("lb_endpoints");
      const ports = members.map((each) =>
        each.node("endpoint")!.node("address")!.node("socket_address")!.number("port_value"),
      );
      assert.deepEqual(ports, given.load_assignment["endpoints"] && portsOf(given.load_assignment));
    }),
  );
});

const portsOf = ({ endpoints: groups }: Message): unknown[] =>
  (
    groups as { lb_endpoints: { endpoint: { address: { socket_address: { port_value: number } } } }[] }[]
  )[0]!.lb_endpoints.map(({ endpoint }) => endpoint.address.socket_address.port_value);

test("an Any on the wire is read as one in a file is, and one of an unknown type is told with its name", () => {
  const type = messageType("envoy.config.listener.v3.Listener");
  const listener = httpListener("web", 80, "r");
  const fromWire = readWire(type, writeWire(type, listener), [], silent);
  const config = fromWire.nodes("filter_chains")[0]!.nodes("filters")[0]!.extension("typed_config");
  assert.ok(config !== undefined && "type" in config && config.kind === "HttpConnectionManager");
  assert.equal(config.node("rds")!.text("route_config_name"), "r");
  const fromFile = readMessage(
    type,
    { name: "web", filter_chains: [{ filters: [{ typed_config: { "@type": "type.googleapis.com/a.B" } }] }] },
    [],
    silent,
  );
  const unknown = fromFile.nodes("filter_chains")[0]!.nodes("filters")[0]!.extension("typed_config");
  assert.ok(unknown !== undefined && "url" in unknown && unknown.url === "type.googleapis.com/a.B");
});

test("a field that is not known is warned of, and bytes that are no message are refused, whatever they are", () => {
  const type = messageType("envoy.config.cluster.v3.Cluster");
  const told: string[] = [];
  readWire(type, Uint8Array.of(0xfa, 0x3f, 1, 0), [], ({ severity, message }) =>
    told.push(`${severity} ${message}`),
  );
  assert.deepEqual(told, [
    "warning envoy.config.cluster.v3.Cluster has no field 1023 here; it has no effect",
  ]);
  const good = Buffer.from(writeWire(type, edsCluster("a")));
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const bytes = Buffer.from(good);
      bytes[at] = byte;
      try {
        readWire(type, bytes, [], silent);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
  );
});
