import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api, ApiError } from "../../../src/providers/kubernetes/client/api.ts";
import { Bucket } from "../../../src/providers/kubernetes/client/bucket.ts";
import { Follower, type FollowTimes } from "../../../src/providers/kubernetes/client/follower.ts";
import { collectionPath, kinds } from "../../../src/providers/kubernetes/client/kinds.ts";
import { Pace } from "../../../src/providers/kubernetes/client/pace.ts";
import type { KubeObject } from "../../../src/providers/kubernetes/meta.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer, type ServedRequest } from "../../support/kubernetes/server.ts";
import { patient } from "../../support/patience.ts";
import { soon } from "../../support/peer.ts";

const { services } = kinds;
const service = (name: string, more: object = {}) => ({ metadata: { name, namespace: "a" }, ...more });
const isWatch = ({ query }: ServedRequest): boolean => query.has("watch");
const isList = (request: ServedRequest): boolean => !isWatch(request);

/** A copy of the services of a server. */
class Copy implements Disposable {
  readonly objects = new Map<string, KubeObject>();
  readonly puts: string[] = [];
  readonly problems: ApiError[] = [];
  synced = 0;
  readonly follower: Follower;
  readonly #api: Api;

  constructor(
    server: KubernetesServer,
    times: Partial<FollowTimes> = {},
    wants?: (key: string) => boolean,
    pace = new Pace(1_000, 1_000),
    retries = new Bucket(1_000, 1_000),
  ) {
    this.#api = apiOf(server);
    this.follower = new Follower({
      api: this.#api,
      pace,
      retries,
      path: collectionPath(services, undefined),
      keep: {
        ...(wants !== undefined && { wants }),
        put: (key, object) => {
          this.objects.set(key, object);
          this.puts.push(key);
        },
        remove: (key) => void this.objects.delete(key),
      },
      tell: (problem) => {
        if (problem === undefined) this.synced++;
        else this.problems.push(problem);
      },
      times: { first: 5, last: 20, ...times },
      random: () => 0.5,
    });
  }

  get keys(): readonly string[] {
    return [...this.objects.keys()].sort();
  }

  [Symbol.dispose](): void {
    this.follower.stop();
    this.#api.close();
  }
}

/** Until the copy is as expected; the server is asked again and again until then. */
async function becomes(server: KubernetesServer, copy: Copy, keys: readonly string[]): Promise<void> {
  const isSo = (): boolean => copy.keys.join() === keys.join();
  await server.until(() => copy.synced > 0 && server.watches > 0, "a watch");
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("a collection is listed in pages, and followed by a watch from there", async () => {
  await using server = await KubernetesServer.start();
  for (let index = 0; index < 1_200; index++) server.put("services", service(`s${index}`));
  using copy = new Copy(server);
  await server.until(() => server.watches === 1, "the watch");
  assert.equal(copy.objects.size, 1_200);
  assert.equal(server.requests.filter(isList).length, 3);
  server.put("services", service("new"));
  server.remove("services", "a/s0");
  await becomesSize(copy, 1_200);
  assert.ok(copy.objects.has("a/new") && !copy.objects.has("a/s0"));
  assert.equal(server.requests.length, 4, "nothing else was asked for");
});

async function becomesSize(copy: Copy, size: number): Promise<void> {
  while (copy.objects.size !== size || !copy.objects.has("a/new") || copy.objects.has("a/s0"))
    await new Promise((resolve) => setTimeout(resolve, 2));
}

test("a watch that ends is resumed behind its last bookmark, without a list", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  using copy = new Copy(server, { brief: 0 });
  await server.until(() => server.watches === 1, "the watch");
  server.put("secrets", service("other"));
  server.bookmark();
  const bookmarked = server.put("secrets", service("another")).metadata.resourceVersion;
  await server.until(() => {
    server.endWatches();
    return server.requests.filter(isWatch).length >= 2;
  }, "another watch");
  server.put("services", service("two"));
  await becomes(server, copy, ["a/one", "a/two"]);
  const [first, second] = server.requests.filter(isWatch).map(({ query }) => query.get("resourceVersion"));
  assert.ok(Number(second) > Number(first), `${second} is behind ${first}`);
  assert.ok(Number(second) < Number(bookmarked));
  assert.equal(server.requests.filter(isList).length, 1);
});

for (const how of ["an error event in a watch", "a watch from a version that was compacted"])
  test(`${how} leads to another list, in which what is gone is missed`, async () => {
    await using server = await KubernetesServer.start();
    server.put("services", service("stays"));
    server.put("services", service("goes"));
    using copy = new Copy(server);
    await server.until(() => server.watches === 1, "the watch");
    const kept = copy.objects.get("a/stays");
    if (how.startsWith("an error")) server.expireWatches();
    else await server.kill();
    server.remove("services", "a/goes");
    server.put("services", service("comes"));
    server.compact();
    if (server.watches === 0 && how.startsWith("a watch")) await server.restart();
    await becomes(server, copy, ["a/comes", "a/stays"]);
    assert.equal(server.requests.filter(isList).length, 2);
    assert.equal(copy.objects.get("a/stays"), kept, "what did not change stays the same object");
  });

test("a server that is killed is missed once the watch breaks; what was known stays, and is brought up to date", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  using copy = new Copy(server);
  await server.until(() => server.watches === 1, "the watch");
  await server.kill();
  while (copy.problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(copy.keys, ["a/one"]);
  assert.equal(copy.problems[0]!.status, 0);
  await server.restart();
  server.put("services", service("two"));
  await becomes(server, copy, ["a/one", "a/two"]);
  assert.equal(server.requests.filter(isList).length, 1, "the version was known still");
});

test("a watch in which the server is silent is begun anew; a server that does not answer is told of", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  using copy = new Copy(server, { silence: patient(100) });
  await server.until(() => server.requests.filter(isWatch).length >= 3, "further watches");
  assert.deepEqual([copy.keys, copy.problems], [["a/one"], []]);
  server.fault = () => "silent";
  while (copy.problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.match(copy.problems[0]!.message, /did not answer within \d+ ms/);
});

test("a refusal is told with the server's words, and asked again later", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  server.fault = () => (server.requests.length > 3 ? undefined : 403);
  using copy = new Copy(server);
  await becomes(server, copy, ["a/one"]);
  assert.deepEqual(
    copy.problems.map(({ status, message }) => [status, message]),
    Array.from({ length: 3 }, () => [403, "403: status 403"]),
  );
});

test("only wanted objects are kept, also when others are wanted than before", async () => {
  await using server = await KubernetesServer.start();
  for (const name of ["x", "y", "z"]) server.put("services", service(name));
  let wanted = ["a/x", "a/y"];
  using copy = new Copy(server, {}, (key) => wanted.includes(key));
  await becomes(server, copy, ["a/x", "a/y"]);
  wanted = ["a/y", "a/z"];
  copy.follower.again();
  assert.deepEqual(copy.keys, ["a/y"]);
  await becomes(server, copy, ["a/y", "a/z"]);
  assert.deepEqual(copy.puts, ["a/x", "a/y", "a/z"]);
  copy.follower.forget();
  assert.deepEqual(copy.keys, []);
});

test("an object is kept without what nobody reads", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", {
    ...service("one"),
    metadata: {
      name: "one",
      namespace: "a",
      managedFields: [{}],
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "1" },
    },
  });
  using copy = new Copy(server);
  await becomes(server, copy, ["a/one"]);
  const { metadata } = copy.objects.get("a/one")!;
  assert.deepEqual(metadata.annotations, { mine: "1" });
  assert.ok(!("managedFields" in metadata));
});

test("a watch does not wait for lists, and one that was brief waits by itself", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  const pace = new Pace(0.001, 1);
  using copy = new Copy(server, {}, undefined, pace);
  for (let count = 1; count <= 4; count++) {
    await server.until(() => server.watches === 1, "a watch");
    if (count === 4) break;
    server.bookmark();
    server.endWatches();
    await server.until(() => server.watches === 0, "its end");
  }
  assert.deepEqual([copy.keys, server.requests.filter(isList).length], [["a/one"], 1]);
});

test("other objects that are wanted end a wait", async () => {
  await using server = await KubernetesServer.start();
  server.put("services", service("one"));
  server.fault = () => 403;
  using copy = new Copy(server, { first: 600_000, last: 600_000 });
  while (copy.problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  server.fault = () => undefined;
  copy.follower.again();
  await becomes(server, copy, ["a/one"]);
});

test("an event that comes late does not undo that the collection is to be listed again", async () => {
  let lists = 0;
  const watching = Promise.withResolvers<(line: string) => void>();
  const listed = Promise.withResolvers<void>();
  const api = {
    json: () => {
      if (++lists === 2) listed.resolve();
      return Promise.resolve({ metadata: { resourceVersion: "1" }, items: [] });
    },
    watch: ({ signal, onLine }: { signal: AbortSignal; onLine: (line: string) => void }) => {
      watching.resolve(onLine);
      return new Promise<void>((_, reject) =>
        signal.addEventListener("abort", () => setImmediate(() => reject(signal.reason as Error))),
      );
    },
  } as unknown as Api;
  const follower = new Follower({
    api,
    pace: new Pace(1_000, 1_000),
    path: "/api/v1/services",
    keep: { put: () => {}, remove: () => {} },
    tell: () => {},
  });
  const send = await watching.promise;
  follower.again();
  send(
    JSON.stringify({
      type: "ADDED",
      object: service("late", { metadata: { name: "late", resourceVersion: "2" } }),
    }),
  );
  await soon(listed.promise, "another list");
  follower.stop();
});

test("every request after a failure, or after a watch that was brief, has its turn among those of all kinds", async () => {
  await using server = await KubernetesServer.start();
  let turns = 0;
  let givenBack = 0;
  const retries = new Bucket(1_000, 1_000);
  const turn = retries.turn.bind(retries);
  retries.turn = (signal) => {
    turns++;
    return turn(signal);
  };
  retries.giveBack = () => void givenBack++;
  let failures = 0;
  server.fault = () => (++failures <= 3 ? 500 : undefined);
  using copy = new Copy(server, { brief: 60_000 }, undefined, undefined, retries);
  await server.until(() => server.watches > 0, "a watch");
  // The list was answered.
  assert.deepEqual([turns, givenBack], [3, 1]);
  server.endWatches();
  await server.until(() => server.requests.filter(isWatch).length === 2, "another watch");
  assert.deepEqual([turns, copy.problems.length], [4, 3]);
  // Nobody knows yet whether that watch lasts.
  assert.equal(givenBack, 1);
});

test("a watch that lasts gives its turn back", async () => {
  await using server = await KubernetesServer.start();
  const retries = new Bucket(1_000, 1_000);
  const given = Promise.withResolvers<void>();
  using copy = new Copy(server, { brief: 60_000, settled: 20 }, undefined, undefined, retries);
  await server.until(() => server.watches > 0, "a watch");
  retries.giveBack = given.resolve;
  server.endWatches();
  await soon(given.promise, "a turn");
  assert.equal(copy.problems.length, 0);
});
