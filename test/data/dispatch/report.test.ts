import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backendCell, connectFailureList, poolCell } from "../../../src/channel/counters.ts";
import {
  reportAnswer,
  reportConnected,
  reportConnectFailure,
  reportSilence,
} from "../../../src/data/dispatch/report.ts";
import { Latencies } from "../../../src/data/pick/latency.ts";
import { FakePlane, fakeBackends } from "../../support/fake-plane.ts";

function scene() {
  const plane = new FakePlane();
  const [backend] = fakeBackends;
  const { slot, counters: first } = backend!;
  const clock = { now: 1_000_000 };
  const latencies = new Latencies(plane.shared.backendLatency, clock, 10_000);
  const { definition } = plane.pool();
  return {
    plane,
    backend: backend!,
    latencies,
    pool: { definition, latencies },
    count: (cell: number): number => plane.counters[first + cell]!,
    failures: (): number => plane.counters[definition.counters + poolCell.connectFailures]!,
    /** Sessions that failed on it in a row. */
    errors: (): number => plane.shared.backendErrors[slot]!,
    /** In milliseconds. */
    expected: (): number => Math.round(latencies.expected(slot) / 1_000),
  };
}

describe("reports on backends", () => {
  test("the time to connect counts as latency only where no answer is told of", () => {
    const { plane, pool, backend, count, expected } = scene();
    reportConnected(plane, pool, backend, 40, true);
    assert.equal(expected(), 0);
    reportConnected(plane, pool, backend, 40, false);
    assert.deepEqual([expected(), count(backendCell.connected)], [40, 2]);
  });

  test("a backend that refuses looks slow, and one that could not be tried keeps its name", () => {
    const { plane, pool, backend, count, failures, errors, expected } = scene();
    reportConnectFailure(plane, pool, backend, "no_port", 1);
    assert.deepEqual([failures(), errors(), expected()], [1, 0, 0]);
    reportConnectFailure(plane, pool, backend, "refused", 1);
    assert.deepEqual([failures(), errors(), expected()], [2, 1, 1_000]);
    assert.equal(count(backendCell.failures + connectFailureList.indexOf("refused")), 1);
  });

  test("an answer ends a row of errors, unless it says that the backend does not serve", () => {
    const { plane, latencies, backend, count, errors, expected } = scene();
    reportAnswer(plane, latencies, backend, 5, false);
    reportAnswer(plane, latencies, backend, 2_000, false);
    assert.deepEqual([errors(), expected(), count(backendCell.failed)], [2, 2_000, 2]);
    reportAnswer(plane, undefined, backend, 0, true);
    assert.deepEqual([errors(), expected(), count(backendCell.served)], [0, 2_000, 1]);
  });

  test("silence counts against a backend that resets or stalls, for one whose client left, and as long waits", () => {
    const { plane, latencies, backend, errors, expected } = scene();
    reportSilence(plane, latencies, backend, 300, "backend_closed");
    assert.deepEqual([errors(), expected()], [0, 0]);
    reportSilence(plane, latencies, backend, 300, "backend_reset");
    reportSilence(plane, latencies, backend, 400, "backend_stalled");
    assert.deepEqual([errors(), expected()], [2, 400]);
    reportSilence(plane, latencies, backend, 0, "client_closed");
    assert.deepEqual([errors(), expected()], [0, 400]);
  });
});
