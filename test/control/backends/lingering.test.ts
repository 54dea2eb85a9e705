import assert from "node:assert/strict";
import { test } from "node:test";
import { Lingering } from "../../../src/control/backends/lingering.ts";
import type { Pool } from "../../../src/model/pool.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";

const { listeners, pools } = await loadModel(smallest);
const [pool] = pools;

test("a pool lingers for as long as a session may take to choose from it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const over: string[] = [];
  const lingering = new Lingering((name) => over.push(name));
  lingering.add(pool!, listeners);
  // Twice 10 s of handshake, 5 s of queue, 3 s for others to be checked or tried, three attempts of 5 s.
  t.mock.timers.tick(42_999);
  assert.deepEqual([lingering.pools, over], [[pool], []]);
  t.mock.timers.tick(1);
  assert.deepEqual([lingering.pools, over], [[], ["echo"]]);
});

test("a pool that is there again, or that would linger for ever, is not given up", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const over: string[] = [];
  const lingering = new Lingering((name) => over.push(name));
  const patient: Pool = { ...pool!, name: "patient", connect: { ...pool!.connect, timeout: 2 ** 31 - 2 } };
  for (const each of [pool!, patient]) lingering.add(each, listeners);
  lingering.keepOut(new Set(["echo", "other"]));
  t.mock.timers.tick(3_600_000);
  assert.deepEqual([lingering.pools, over], [[patient], []]);
  lingering.stop();
  t.mock.timers.tick(2 ** 31 - 1);
  assert.deepEqual([lingering.pools, over], [[patient], []]);
});
