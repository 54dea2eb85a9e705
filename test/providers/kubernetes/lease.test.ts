import assert from "node:assert/strict";
import { test } from "node:test";
import { Lease, type LeaseTimes } from "../../../src/providers/kubernetes/client/lease.ts";
import { apiOf } from "../../support/kubernetes/api.ts";
import { KubernetesServer } from "../../support/kubernetes/server.ts";
import { patient } from "../../support/patience.ts";

const collection = "coordination.k8s.io/v1/leases";
const key = "umay/leader";
const times: LeaseTimes = { duration: patient(1_000), belief: patient(600), look: 10 };

function holderOf(server: KubernetesServer): string | undefined {
  return (server.get(collection, key)?.["spec"] as { holderIdentity?: string } | undefined)?.holderIdentity;
}

/** A replica, and what it was told. */
class Replica implements AsyncDisposable {
  readonly told: boolean[] = [];
  readonly lease: Lease;
  readonly #api: ReturnType<typeof apiOf>;

  constructor(server: KubernetesServer, identity: string, more: Partial<LeaseTimes> = {}) {
    this.#api = apiOf(server);
    this.lease = new Lease({
      api: this.#api,
      name: "leader",
      identity,
      changed: (held) => this.told.push(held),
      tell: () => {},
      times: { ...times, ...more },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lease.stop();
    this.#api.close();
  }
}

test("one replica holds a lease, and gives it back when it ends: then another one has it at once", async () => {
  await using server = await KubernetesServer.start();
  const first = new Replica(server, "first");
  await server.until(() => first.lease.held, "the lease");
  await using second = new Replica(server, "second", { duration: 3_600_000 });
  await server.until(() => server.requests.filter(({ method }) => method === "GET").length > 3, "looks");
  assert.deepEqual([second.lease.held, holderOf(server)], [false, "first"]);
  await first[Symbol.asyncDispose]();
  await server.until(() => second.lease.held, "the lease that was given back");
  assert.deepEqual([first.told, second.told], [[true, false], [true]]);
});

test("a lease that nobody renews is taken after as long as it says", async () => {
  await using server = await KubernetesServer.start();
  server.putRaw(collection, {
    metadata: { name: "leader", namespace: "umay" },
    spec: { holderIdentity: "dead", leaseDurationSeconds: 1, renewTime: "2099-01-01T00:00:00.000000Z" },
  });
  await using replica = new Replica(server, "alive");
  await server.until(() => server.requests.length > 2, "looks");
  assert.equal(replica.lease.held, false);
  await server.until(() => replica.lease.held, "the lease");
  assert.equal(holderOf(server), "alive");
});

test("a lease that is stolen is lost, ten times, and always held by one at most", async () => {
  await using server = await KubernetesServer.start();
  await using replica = new Replica(server, "robbed");
  for (let count = 1; count <= 10; count++) {
    await server.until(() => replica.lease.held, "the lease");
    const before = server.get(collection, key)!;
    server.putRaw(collection, {
      ...before,
      spec: { ...(before["spec"] as object), holderIdentity: "thief" },
    });
    await server.until(() => !replica.lease.held, "the loss");
    assert.equal(holderOf(server), "thief");
    server.putRaw(collection, { ...before, spec: { ...(before["spec"] as object), holderIdentity: "" } });
  }
  assert.ok(replica.told.filter((held) => !held).length >= 10);
});

test("who can't renew stops to believe before another one may begin", async () => {
  await using server = await KubernetesServer.start();
  await using replica = new Replica(server, "cut off", { duration: 400, belief: 200 });
  await server.until(() => replica.lease.held, "the lease");
  server.fault = () => 500;
  await server.until(() => !replica.lease.held, "the doubt");
  server.fault = () => undefined;
  await server.until(() => replica.lease.held, "the lease again");
  assert.ok(
    replica.told.every((held, index) => held === (index % 2 === 0)),
    `${replica.told}`,
  );
});
