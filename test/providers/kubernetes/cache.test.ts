import assert from "node:assert/strict";
import { test } from "node:test";
import { Cache } from "../../../src/providers/kubernetes/cache.ts";
import { ApiError } from "../../../src/providers/kubernetes/client/api.ts";
import type { KubeObject } from "../../../src/providers/kubernetes/meta.ts";
import { Troubles } from "../../../src/providers/kubernetes/troubles.ts";

function watched() {
  const told: string[] = [];
  const cache = new Cache({ changed: () => told.push("changed"), status: (id) => told.push(id) });
  return { cache, take: () => told.splice(0) };
}

const route = (more: object = {}, metadata: object = {}): KubeObject =>
  ({
    metadata: { name: "r", namespace: "a", generation: 1, uid: "1", ...metadata },
    spec: {},
    ...more,
  }) as KubeObject;

test("a status is kept apart: another one is no other object, and nothing to translate", () => {
  const { cache, take } = watched();
  const routes = cache.keep("httpRoutes");
  routes.put("a/r", route({ status: { parents: [1] } }));
  assert.deepEqual(take(), ["HTTPRoute/a/r", "changed"]);
  const object = cache.cluster.httpRoutes.get("a/r");
  assert.ok(object !== undefined && !("status" in object));
  routes.put("a/r", route({ status: { parents: [1, 2] } }, { resourceVersion: "9" }));
  assert.deepEqual(take(), ["HTTPRoute/a/r"]);
  assert.equal(cache.cluster.httpRoutes.get("a/r"), object);
  assert.deepEqual(cache.statuses.get("HTTPRoute/a/r"), {
    kind: "httpRoutes",
    namespace: "a",
    name: "r",
    uid: "1",
    resourceVersion: "9",
    status: { parents: [1, 2] },
  });
  for (const change of [
    { generation: 2 },
    { labels: { x: "1" } },
    { annotations: { x: "1" } },
    { uid: "2" },
  ]) {
    routes.put("a/r", route({}, change));
    assert.deepEqual(take(), ["HTTPRoute/a/r", "changed"]);
  }
  routes.remove("a/r");
  assert.deepEqual(take(), ["changed"]);
  assert.deepEqual([cache.cluster.httpRoutes.size, cache.statuses.size], [0, 0]);
});

test("a Gateway keeps the addresses of its status, on which replicas agree", () => {
  const { cache, take } = watched();
  const gateways = cache.keep("gateways");
  gateways.put("a/r", route({ status: { addresses: [{ value: "10.0.0.1" }], conditions: [] } }));
  take();
  gateways.put("a/r", route({ status: { addresses: [{ value: "10.0.0.1" }], conditions: [1] } }));
  assert.deepEqual(take(), ["Gateway/a/r"]);
  gateways.put("a/r", route({ status: { addresses: [{ value: "10.0.0.2" }] } }));
  assert.deepEqual(take(), ["Gateway/a/r", "changed"]);
  assert.deepEqual(cache.cluster.gateways.get("a/r")?.status, { addresses: [{ value: "10.0.0.2" }] });
});

test("whoever follows a Service hears of its slices, and nobody else does", () => {
  const { cache, take } = watched();
  const slices = cache.keep("endpointSlices");
  const slice = (service: string, name: string): KubeObject => ({
    metadata: { name, namespace: "a", labels: { "kubernetes.io/service-name": service } },
  });
  const heard: string[] = [];
  const stop = new AbortController();
  for (const service of ["a/x", "a/y"]) cache.onSlices(service, () => heard.push(service), stop.signal);
  slices.put("a/1", slice("x", "1"));
  slices.put("a/2", slice("x", "2"));
  assert.deepEqual([heard.splice(0), take()], [["a/x", "a/x"], []]);
  slices.put("a/1", slice("y", "1"));
  assert.deepEqual(heard.splice(0), ["a/x", "a/y"], "a label that names another Service");
  assert.deepEqual(
    ["a/x", "a/y"].map((service) => cache.slicesOf(service).map(({ metadata }) => metadata.name)),
    [["2"], ["1"]],
  );
  cache.keep("services").put("a/y", { metadata: { name: "y", namespace: "a" } });
  assert.deepEqual(heard.splice(0), ["a/y"], "a Service that comes behind its slices");
  take();
  slices.remove("a/2");
  assert.deepEqual([heard.splice(0), cache.slicesOf("a/x")], [["a/x"], []]);
  stop.abort();
  slices.remove("a/1");
  assert.deepEqual(heard, []);
});

test("an outage and a refusal are told once each, and when they are over", () => {
  const lines: string[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    lines.push(`${level} ${(fields as { what?: string }).what ?? ""} ${message}`);
  const troubles = new Troubles({ info: say("info"), warn: say("warn") }, "https://api/");
  for (const what of ["pods", "nodes", "pods"]) troubles.tell(what, new ApiError(0, "refused"));
  troubles.tell("pods", new ApiError(403, "forbidden"));
  troubles.tell("pods", new ApiError(403, "forbidden"));
  troubles.tell("nodes", undefined);
  troubles.tell("nodes", undefined);
  troubles.tell("pods", undefined);
  troubles.tell("things", new ApiError(404, "no such thing"));
  assert.deepEqual(lines, [
    "warn pods the API server is away; what is known is served on",
    "warn pods the API server refuses a request",
    "info  the API server answers again",
    "info pods the API server grants a request again",
    "info things the cluster does not have a kind of object",
  ]);
});
