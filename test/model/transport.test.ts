import assert from "node:assert/strict";
import { test } from "node:test";
import { type LabelledTransport, transportIndex, transportOf } from "../../src/model/transport.ts";

const plain = { tls: undefined, proxyProtocol: undefined } as const;
const byMode = { ...plain, labels: { mode: '"tls"' }, proxyProtocol: "v2" } satisfies LabelledTransport;
const byBoth = { ...plain, labels: { mode: '"tls"', zone: "1" } } satisfies LabelledTransport;
const every = { ...plain, labels: {} } satisfies LabelledTransport;

test("the first transport of which a backend has all labels counts; its own labels come before those of its locality", () => {
  const index = (transports: readonly LabelledTransport[], ...transportLabels: Record<string, string>[]) =>
    transportIndex(transports, { transportLabels });
  assert.equal(transportIndex([byMode], {}), -1);
  assert.equal(transportIndex([byMode, every], {}), 1);
  assert.equal(transportIndex(undefined, { transportLabels: [{ mode: '"tls"' }] }), -1);
  assert.equal(index([byBoth, byMode, every], { mode: '"tls"' }), 1);
  assert.equal(index([byBoth, byMode, every], { mode: '"tls"', zone: "1", more: "2" }), 0);
  assert.equal(index([byMode, every], { mode: '"raw"' }), 1);
  assert.equal(index([byBoth, byMode], {}, { mode: '"tls"' }), 1);
  assert.equal(index([byBoth, byMode], { mode: '"tls"' }, { mode: '"tls"', zone: "1" }), 1);
  assert.equal(index([byMode], { mode: '"raw"' }, {}), -1);
  const pool = { ...plain, proxyProtocol: "v1", transports: [byMode] } as const;
  assert.equal(transportOf(pool, {}).proxyProtocol, "v1");
  assert.equal(transportOf(pool, { transportLabels: [{ mode: '"tls"' }] }).proxyProtocol, "v2");
});
