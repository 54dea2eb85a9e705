import assert from "node:assert/strict";
import { test } from "node:test";
import { backendCell, listenerCell } from "../../../src/channel/counters.ts";
import { openConnections } from "../../../src/channel/memory.ts";
import { History } from "../../../src/control/tell/history.ts";
import { testInput } from "./metrics-input.ts";

test("history has rates between samples, and the open connections of each pool", (t) => {
  const input = testInput();
  const [memory] = input.memories;
  const history = new History(input);
  t.after(() => history.stop());
  const begin = performance.now();
  history.sample(begin + 5_000);
  memory![input.web.counters + listenerCell.accepted] = 50;
  memory![input.web.counters + listenerCell.received] = 5_000;
  memory![input.echo.backends[0]!.counters + backendCell.leased] = 3;
  input.shared.process[openConnections] = 7;
  history.sample(begin + 10_000);
  const { connections, sessions_per_second, received_bytes_per_second, pools } = history.read();
  assert.deepEqual(connections, [0, 0, 7]);
  assert.deepEqual(sessions_per_second, [0, 10]);
  assert.deepEqual(received_bytes_per_second, [0, 1_000]);
  assert.deepEqual(pools, { echo: [0, 0, 3], empty: [0, 0, 0] });
});

test("it keeps 15 minutes and no more, and a count that fell is no rate", (t) => {
  const input = testInput();
  const [memory] = input.memories;
  const history = new History(input);
  t.after(() => history.stop());
  const begin = performance.now();
  memory![input.web.counters + listenerCell.accepted] = 1_000;
  for (let count = 1; count < 1_000; count++) history.sample(begin + count * 5_000);
  memory![input.web.counters + listenerCell.accepted] = 0;
  history.sample(begin + 5_000_000);
  const { connections, sessions_per_second } = history.read();
  assert.deepEqual([connections.length, sessions_per_second.length], [180, 180]);
  assert.ok(sessions_per_second.every((rate) => rate === 0));
});
