import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsTable, metrics, metricsTable } from "../../src/observe/metrics.ts";

const all = Object.entries(metrics);

test("names follow the rules of Prometheus: counters end in _total, units are base units and in the name", () => {
  for (const [name, { type, unit }] of all) {
    assert.match(name, /^umay(_[a-z][a-z0-9]*)+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    const base = name.replace(/_total$/, "");
    assert.equal(/_(seconds|bytes)$/.exec(base)?.[1] ?? "", unit, name);
  }
});

test("a help text is one plain sentence, and label names are plain words", () => {
  for (const [name, { help, labels }] of all) {
    assert.match(help, /^[A-Z0-9][^"\\\n|]*\.$/, name);
    for (const label of labels) assert.match(label, /^(?!le$)[a-z]+(_[a-z]+)*$/);
    assert.equal(new Set(labels).size, labels.length);
  }
});

test("histograms, and only they, have bounds, and these rise", () => {
  for (const [name, metric] of all) {
    assert.equal("bounds" in metric, metric.type === "histogram", name);
    if ("bounds" in metric)
      assert.deepEqual(
        metric.bounds,
        [...new Set(metric.bounds)].toSorted((a, b) => a - b),
      );
  }
});

test("the documentation's tables have a row for each", () => {
  const rows = (table: string): string[] =>
    table
      .split("\n")
      .slice(2)
      .map((row) => /^\| `(\w+)` \| .* \|$/.exec(row)![1]!);
  assert.deepEqual(rows(metricsTable()), Object.keys(metrics));
  assert.deepEqual(
    rows(boundsTable()),
    all.filter(([, { type }]) => type === "histogram").map(([name]) => name),
  );
});
