import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api, ApiError } from "../../../src/providers/kubernetes/client/api.ts";
import { Pace } from "../../../src/providers/kubernetes/client/pace.ts";
import { EventWriter, type ObjectEvent } from "../../../src/providers/kubernetes/status/events.ts";
import { leftStatuses } from "../../../src/providers/kubernetes/status/left.ts";
import type { PresentStatus } from "../../../src/providers/kubernetes/status/present.ts";
import { refusedStatuses } from "../../../src/providers/kubernetes/status/refused.ts";
import { type Json, stamped, statusPatch } from "../../../src/providers/kubernetes/status/stamp.ts";
import { StatusWriter } from "../../../src/providers/kubernetes/status/writer.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer } from "../../support/kubernetes/server.ts";
import { soon } from "../../support/peer.ts";

const controller = "umay.dev/gateway-controller";
const accepted = (status: string, more: object = {}) => ({ type: "Accepted", status, reason: "R", ...more });
const parent = (name: string, condition: object, controllerName = controller) => ({
  parentRef: { name },
  controllerName,
  conditions: [condition],
});
const [then, now] = ["2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"];

test("a condition keeps its time while its status is the same, and what others have said stays", () => {
  const foreign = parent("a", accepted("True", { lastTransitionTime: then }), "other.dev/controller");
  const present = {
    parents: [
      parent("a", accepted("True", { lastTransitionTime: then, reason: "Old" })),
      foreign,
      parent("gone", accepted("True", { lastTransitionTime: then })),
    ],
  };
  const wanted = { parents: [parent("a", accepted("True")), parent("b", accepted("False"))] };
  assert.deepEqual(stamped(wanted, present, controller, now), {
    parents: [
      foreign,
      parent("a", accepted("True", { lastTransitionTime: then })),
      parent("b", accepted("False", { lastTransitionTime: now })),
    ],
  });
});

test("conditions of listeners are told apart by the listener's name", () => {
  const listener = (name: string, condition: object) => ({ name, conditions: [condition] });
  const present = { listeners: [listener("b", accepted("True", { lastTransitionTime: then }))] };
  const wanted = { listeners: [listener("a", accepted("True")), listener("b", accepted("True"))] };
  assert.deepEqual(stamped(wanted, present, controller, now), {
    listeners: [
      listener("a", accepted("True", { lastTransitionTime: now })),
      listener("b", accepted("True", { lastTransitionTime: then })),
    ],
  });
});

test("a patch removes what is not there any more", () => {
  assert.deepEqual(statusPatch({ conditions: [] }, { conditions: [1], addresses: [] }), {
    conditions: [],
    addresses: null,
  });
});

test("where workers refuse a proposal nothing counts as programmed, and all else is as it was", () => {
  const programmed = { type: "Programmed", status: "True", reason: "Programmed" };
  const of = (condition: object) =>
    new Map([["Gateway/a/b", { listeners: [{ name: "x", conditions: [condition, accepted("True")] }] }]]);
  const refused = refusedStatuses(of(programmed), "no port");
  assert.deepEqual(
    refused,
    of({
      type: "Programmed",
      status: "False",
      reason: "Pending",
      message: "what was served before is served on: no port",
    }),
  );
});

test("an object that is not ours any more loses our entry alone", () => {
  const status = { parents: [parent("a", accepted("True"))] };
  const present = new Map([
    ["HTTPRoute/a/left", { status }],
    ["HTTPRoute/a/ours", { status }],
    ["HTTPRoute/a/foreign", { status: { parents: [parent("a", accepted("True"), "other")] } }],
  ]) as unknown as ReadonlyMap<string, PresentStatus>;
  const left = leftStatuses(present, new Map([["HTTPRoute/a/ours", {}]]), controller);
  assert.deepEqual([...left], [["HTTPRoute/a/left", { parents: [] }]]);
});

/** A writer of statuses of HTTPRoutes whose view of the server is the server. */
function writerOf(server: KubernetesServer, pace = new Pace(1_000, 1_000)) {
  const problems: (ApiError | undefined)[] = [];
  const first = Promise.withResolvers<void>();
  const api = apiOf(server);
  const writer = new StatusWriter({
    api,
    pace,
    controller,
    present: (id) => presentOf(server, id),
    tell: (problem) => {
      problems.push(problem);
      first.resolve();
    },
    waits: { first: 5, last: 20 },
  });
  const end = (): void => {
    writer.stop();
    api.close();
  };
  return { writer, problems, told: first.promise, [Symbol.dispose]: end };
}

function presentOf(server: KubernetesServer, id: string): PresentStatus | undefined {
  const [, namespace, name] = id.split("/");
  const found = server.get("gateway.networking.k8s.io/v1/httproutes", `${namespace}/${name}`);
  if (found === undefined) return undefined;
  const { resourceVersion } = found.metadata;
  return {
    kind: "httpRoutes",
    namespace,
    name: name!,
    uid: "u",
    resourceVersion,
    status: (found.status ?? {}) as Json,
  };
}

const route = (name: string) => ({ metadata: { name, namespace: "a" }, spec: {} });
const wantedOf = (count: number, status = "True"): Map<string, Json> =>
  new Map(
    Array.from({ length: count }, (_, index) => [
      `HTTPRoute/a/r${index}`,
      { parents: [parent("g", accepted(status))] },
    ]),
  );
const statusOf = (server: KubernetesServer, name: string): string | undefined =>
  (
    server.status("httpRoutes", `a/${name}`) as
      | { parents?: { conditions: { status: string }[] }[] }
      | undefined
  )?.parents?.[0]?.conditions[0]?.status;

test("statuses are written once, while the writer is to write", async () => {
  await using server = await KubernetesServer.start();
  for (let index = 0; index < 300; index++) server.put("httpRoutes", route(`r${index}`));
  using writing = writerOf(server);
  writing.writer.want(wantedOf(300));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.requests.length, 0);
  writing.writer.start();
  await server.until(() => server.requests.length === 300, "all of them");
  await server.until(() => statusOf(server, "r299") === "True", "the last one");
  writing.writer.want(wantedOf(300));
  for (let index = 0; index < 300; index++) writing.writer.look(`HTTPRoute/a/r${index}`);
  writing.writer.want(new Map([...wantedOf(300), ...wantedOf(1, "False")]));
  await server.until(() => statusOf(server, "r0") === "False", "the change");
  assert.equal(server.requests.length, 301);
});

test("a status that somebody else has changed meanwhile is written anew, from what it is then", async () => {
  await using server = await KubernetesServer.start();
  server.put("httpRoutes", route("r0"));
  using writing = writerOf(server);
  let conflicts = 3;
  server.fault = () => (conflicts-- > 0 ? 409 : undefined);
  writing.writer.want(wantedOf(1));
  writing.writer.start();
  await server.until(() => statusOf(server, "r0") === "True", "the status");
  await soon(writing.told, "its answer");
  assert.deepEqual([server.requests.length, writing.problems], [4, [undefined]]);
});

test("nothing is known of a status any more that is not wanted", async () => {
  await using server = await KubernetesServer.start();
  server.put("httpRoutes", route("r0"));
  using writing = writerOf(server);
  // The server leaves all of it out: only by what was written before is it known not to be missing.
  server.reshape = () => ({});
  const writes = async (count: number): Promise<void> => {
    writing.writer.want(wantedOf(1));
    await server.until(() => server.requests.length === count, `write ${count}`);
  };
  writing.writer.start();
  await writes(1);
  await soon(writing.told, "its answer");
  writing.writer.want(new Map());
  await writes(2);
});

test("a server that is away is not asked for one object after the other", async () => {
  await using server = await KubernetesServer.start();
  for (let index = 0; index < 50; index++) server.put("httpRoutes", route(`r${index}`));
  using writing = writerOf(server);
  server.fault = () => (server.requests.length <= 3 ? 503 : undefined);
  writing.writer.want(wantedOf(50));
  writing.writer.start();
  await server.until(() => statusOf(server, "r49") === "True", "all of them");
  assert.ok(server.requests.length <= 56, `${server.requests.length} requests`);
});

test("one object that is refused does not hold up the others", async () => {
  await using server = await KubernetesServer.start();
  for (let index = 0; index < 5; index++) server.put("httpRoutes", route(`r${index}`));
  using writing = writerOf(server);
  server.fault = ({ path }) => (path.includes("r0") ? 422 : undefined);
  writing.writer.want(wantedOf(5));
  writing.writer.start();
  await server.until(() => statusOf(server, "r4") === "True", "the others");
  assert.equal(statusOf(server, "r0"), undefined);
  assert.equal(writing.problems[0]?.status, 422);
});

test("a status that the server keeps in another form is not written again and again", async () => {
  await using server = await KubernetesServer.start();
  server.put("httpRoutes", route("r0"));
  using writing = writerOf(server);
  const wanted = wantedOf(1);
  // The stand-in keeps what it is given; a real server leaves out what it does not know.
  server.reshape = (status) => ({ ...(status as object), more: "by the server" });
  writing.writer.want(wanted);
  writing.writer.start();
  await soon(writing.told, "its answer");
  for (let count = 0; count < 5; count++) {
    writing.writer.look("HTTPRoute/a/r0");
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(server.requests.length, 1);
});

test("a status that is wanted while another one is being written is written then", async () => {
  await using server = await KubernetesServer.start();
  server.put("httpRoutes", route("r0"));
  using writing = writerOf(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = () => (server.requests.length === 1 ? promise : undefined);
  writing.writer.want(wantedOf(1));
  writing.writer.start();
  await server.until(() => server.requests.length === 1, "the first write");
  writing.writer.want(wantedOf(1, "False"));
  resolve();
  await server.until(() => statusOf(server, "r0") === "False", "the second write");
  for (let count = 0; count < 5; count++) {
    writing.writer.look("HTTPRoute/a/r0");
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(server.requests.length, 2);
});

test("a namespace with many events keeps no other's from being told", async () => {
  const told = Promise.withResolvers<void>();
  const namespaces: string[] = [];
  const api: Pick<Api, "json"> = {
    json: async ({ body }) => {
      namespaces.push((body as { metadata: { namespace: string } }).metadata.namespace);
      if (namespaces.length === 2) told.resolve();
    },
  };
  const writer = new EventWriter(api as Api, new Pace(1, 2), () => {});
  const event = (namespace: string, message: string): ObjectEvent => ({
    about: { kind: "Ingress", namespace, name: "i" },
    type: "Warning",
    reason: "UnknownAnnotation",
    message,
    uid: undefined,
  });
  const many = Array.from({ length: 3_000 }, (_, index) => event("many", `${index}`));
  writer.start();
  writer.want([...many, event("few", "one")]);
  await told.promise;
  writer.stop();
  assert.deepEqual(namespaces, ["many", "few"]);
});
