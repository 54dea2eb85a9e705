import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamWaiter } from "../../../src/data/upstream/http2-stream.ts";
import { SharedUpstreams } from "../../../src/data/upstream/shared.ts";
import { FakePlane, fakeBackends } from "../../support/fake-plane.ts";
import { poolHttp } from "../../support/pool-http.ts";

const [backend] = fakeBackends;
const waiter: StreamWaiter = { opened() {}, declined() {}, missed() {} };
/** Another way to connect the same backend, as after a change of the pool. */
const wiringOf = () => ({
  tls: undefined,
  sharedTls: undefined,
  proxyProtocol: undefined,
  definition: { http: { ...poolHttp, version: "2" as const }, connect: { timeout: 1_000 } },
});

test("requests share the new connection to a backend, also where its last one ended at once to make room", () => {
  const plane = new FakePlane();
  const shared = new SharedUpstreams(plane.dial, plane);
  const join = (by: ReturnType<typeof wiringOf>) => shared.join(backend!, by, waiter, 0)!;
  // Nobody waits for the first connection any more when another one takes its place.
  join(wiringOf()).abandon();
  const now = wiringOf();
  const streams = [join(now), join(now)];
  assert.deepEqual([plane.dialled.length, shared.size], [2, 1]);
  for (const stream of streams) stream.abandon();
  shared.vacate(backend!.slot);
  assert.equal(shared.size, 0);
  plane.isEmpty();
});
