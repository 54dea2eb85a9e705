import assert from "node:assert/strict";
import { test } from "node:test";
import { Wirings } from "../../../src/data/upstream/wiring.ts";
import type { PoolTls } from "../../../src/model/pool.ts";
import type { PlacedPool } from "../../../src/model/snapshot.ts";
import { fakeBackends, fakePool } from "../../support/fake-plane.ts";

const [plain, other] = fakeBackends as [PlacedPool["backends"][number], PlacedPool["backends"][number]];
const secure = { ...other, transportLabels: [{ mode: '"tls"' }] };
const tls = (alpn: readonly string[] = []): PoolTls => ({
  verify: false,
  ca: undefined,
  serverName: undefined,
  certificate: undefined,
  alpn,
});
const pool = (settings: PoolTls, more: Partial<PlacedPool> = {}): PlacedPool => ({
  ...fakePool,
  transports: [{ labels: { mode: '"tls"' }, tls: settings, proxyProtocol: "v2" }],
  ...more,
});

test("each backend is connected as the transport with its labels says, and others as the pool does", () => {
  const wirings = new Wirings(pool(tls()));
  const own = wirings.of(plain);
  const labelled = wirings.of(secure);
  assert.deepEqual([own.tls, own.proxyProtocol], [undefined, undefined]);
  assert.ok(labelled.tls !== undefined && labelled.sharedTls !== undefined);
  assert.equal(labelled.proxyProtocol, "v2");
  assert.equal(wirings.of(secure), labelled);
});

test("a wiring stays the same object until the way changes in which its connections are made, and no other one goes with it", () => {
  const wirings = new Wirings(pool(tls()));
  const [own, labelled] = [wirings.of(plain), wirings.of(secure)];
  const settings = { ...pool(tls()), slowStart: 5 };
  wirings.prepare(settings)();
  assert.deepEqual([wirings.of(plain) === own, wirings.of(secure) === labelled], [true, true]);
  assert.equal(own.definition, settings);
  const commit = wirings.prepare(pool(tls(["x"])));
  assert.equal(wirings.of(secure), labelled, "not before it is committed");
  commit();
  assert.deepEqual([wirings.of(plain) === own, wirings.of(secure) === labelled], [true, false]);
  const now = wirings.of(secure);
  wirings.prepare(pool(tls(["x"]), { http: { ...fakePool.http, version: "2" } }))();
  assert.notEqual(wirings.of(plain), own);
  assert.notEqual(wirings.of(secure), now);
  // Its sessions for resumption were verified by the same settings.
  assert.equal(wirings.of(secure).tls, now.tls);
  const { transports: _, ...without } = pool(tls(["x"]));
  wirings.prepare(without)();
  assert.equal(wirings.of(secure), wirings.of(plain));
});
