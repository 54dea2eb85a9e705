import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  backendCell,
  connectFailureList,
  endReasonList,
  handshakeOutcomes,
  http2Codes,
  httpVersionList,
  listenerCell,
  poolCell,
  rejectReasonList,
  requestOutcomeList,
  resetterList,
  retryCauseList,
  retryRefusalList,
  routeCell,
  sumCells,
} from "../../src/channel/counters.ts";
import { histogramCells } from "../../src/channel/histogram.ts";
import { connectFailures } from "../../src/model/connect-failures.ts";
import { grpcStatusNames } from "../../src/model/grpc-status.ts";
import { handshakeResults, rejectReasons } from "../../src/model/reasons.ts";

test("every reason of the model has a counter", () => {
  assert.deepEqual(rejectReasonList, Object.keys(rejectReasons));
  assert.deepEqual(connectFailureList, Object.keys(connectFailures));
  assert.deepEqual(
    new Set(handshakeOutcomes.map(({ result }) => result)),
    new Set(Object.keys(handshakeResults)),
  );
});

test("a completed handshake is counted by its version, a failed one without", () => {
  const versions = new Map<string, string[]>();
  for (const { result, version } of handshakeOutcomes)
    versions.set(result, [...(versions.get(result) ?? []), version]);
  assert.deepEqual(versions.get("ok"), ["TLSv1.2", "TLSv1.3"]);
  versions.delete("ok");
  for (const [result, own] of versions) assert.deepEqual(own, [""], result);
});

test("the cells of a block lie side by side, those with a label as many as the label has values", () => {
  for (const cells of [listenerCell, poolCell, routeCell, backendCell]) {
    const offsets = Object.values(cells);
    assert.equal(offsets[0], 0);
    for (const [index, offset] of offsets.entries()) if (index > 0) assert.ok(offset > offsets[index - 1]!);
  }
  assert.equal(listenerCell.ends - listenerCell.rejected, rejectReasonList.length);
  assert.equal(listenerCell.handshakes - listenerCell.ends, endReasonList.length);
  assert.equal(listenerCell.handshakeDuration - listenerCell.handshakes, handshakeOutcomes.length);
  assert.equal(listenerCell.requests - listenerCell.sessionDuration, histogramCells);
  assert.equal(listenerCell.grpcStatuses - listenerCell.requests, requestOutcomeList.length);
  assert.equal(listenerCell.requestDuration - listenerCell.grpcStatuses, grpcStatusNames.length);
  assert.equal(listenerCell.httpConnections - listenerCell.requestDuration, histogramCells);
  assert.equal(listenerCell.http2Begun - listenerCell.httpConnections, httpVersionList.length);
  assert.equal(listenerCell.http2Glitches - listenerCell.http2Resets, resetterList.length);
  assert.equal(listenerCell.size - listenerCell.http2Errors, http2Codes);
  assert.equal(routeCell.requestDuration - routeCell.grpcStatuses, grpcStatusNames.length);
  assert.equal(routeCell.size - routeCell.requestDuration, histogramCells);
  assert.equal(poolCell.leased - poolCell.connectDuration, histogramCells);
  assert.equal(poolCell.requestRetries - poolCell.firstByte, histogramCells);
  assert.equal(poolCell.retryRefusals - poolCell.requestRetries, retryCauseList.length);
  assert.equal(poolCell.size - poolCell.retryRefusals, retryRefusalList.length);
  assert.ok(backendCell.size - backendCell.failures >= connectFailureList.length);
});

test("a cell is summed over all memories and over nothing else", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), { maxLength: 5 }), (rows) => {
      const memories = rows.map((row) => {
        const memory = new Float64Array(new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT));
        memory.set(row);
        return memory;
      });
      for (const cell of [0, 1, 2])
        assert.equal(
          sumCells(memories, cell),
          rows.reduce((sum, row) => sum + row[cell]!, 0),
        );
    }),
  );
});
