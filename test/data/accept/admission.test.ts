import assert from "node:assert/strict";
import { test } from "node:test";
import { openConnections } from "../../../src/channel/memory.ts";
import { admit, release } from "../../../src/data/accept/admission.ts";
import { ServedListener } from "../../../src/data/plane.ts";
import { bytesPerCall } from "../../support/allocation.ts";
import { FakePlane, fakeListener } from "../../support/fake-plane.ts";

test("admitting, refusing and releasing connections allocates nothing", () => {
  const plane = new FakePlane();
  const listener = new ServedListener(
    { ...fakeListener, maxConnections: 1 },
    { pools: new Map(), tables: new Map() },
    1,
  );
  const bytes = bytesPerCall((times) => {
    for (let time = 0; time < times; time++) {
      const place = admit(listener, plane, "192.0.2.1");
      if (admit(listener, plane, "192.0.2.1") === undefined && place !== undefined)
        release(listener, plane, place);
    }
  });
  assert.ok(bytes < 1, `${bytes} bytes`);
  assert.deepEqual([plane.shared.listenerActive[0], plane.shared.process[openConnections]], [0, 0]);
  assert.equal(plane.listenerCount("accepted"), plane.listenerCount("ended"));
  assert.ok(plane.listenerCount("accepted") > 0);
});
