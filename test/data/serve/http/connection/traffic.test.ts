import assert from "node:assert/strict";
import { test } from "node:test";
import { listenerCell } from "../../../../../src/channel/counters.ts";
import type { HttpConnection } from "../../../../../src/data/serve/http/client.ts";
import { Traffic } from "../../../../../src/data/serve/http/connection/traffic.ts";
import { FakePlane, fakeListener } from "../../../../support/fake-plane.ts";

const connection = {
  number: 7,
  acceptedAt: 1_000,
  listener: { definition: fakeListener },
  clientAddress: "192.0.2.1",
  clientPort: 9,
  serverName: "",
  proxy: undefined,
  tls: undefined,
} as unknown as HttpConnection;

test("bytes count for the listener, in the line of the log and where what is open is listed", () => {
  const plane = new FakePlane();
  const traffic = new Traffic(plane as never, connection);
  for (const bytes of [10, 5]) traffic.came(bytes);
  traffic.went(100);
  traffic.requests = 2;
  const count = (cell: number): number => plane.counters[fakeListener.counters + cell]!;
  assert.deepEqual([count(listenerCell.received), count(listenerCell.sent)], [15, 100]);
  const { state, received, sent, requests_total, seconds } = traffic.tell("requests", [], 3_000);
  assert.deepEqual([state, received, sent, requests_total, seconds], ["requests", 15, 100, 2, 2]);
  traffic.log("http2_error", 12, { httpError: "PROTOCOL_ERROR: no", glitches: 3 });
  const [line] = plane.lines;
  const {
    reason,
    received: came,
    sent: went,
    requests,
    http_error,
  } = line as unknown as Record<string, unknown>;
  assert.deepEqual(
    [reason, came, went, requests, http_error],
    ["http2_error", 15, 100, 2, "PROTOCOL_ERROR: no"],
  );
});
