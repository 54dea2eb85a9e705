import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMetrics, encodeSpans, type MetricFamily } from "../../src/otlp/encode.ts";

const origin = { resource: { "service.name": "umay" }, scope: { name: "umay", version: "1" } };

interface Encoded {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly gauge?: { readonly dataPoints: readonly object[] };
        readonly histogram?: { readonly dataPoints: readonly object[] };
      }[];
    }[];
  }[];
}

test("many metrics become reports of a bounded size, and no point is lost or told twice", () => {
  const backends = Array.from({ length: 12_000 }, (_, index) => ({
    labels: { backend: String(index) },
    value: index,
  }));
  const routes = Array.from({ length: 3_000 }, (_, index) => String(index)).flatMap((route) =>
    [
      ["_bucket", { route, le: "0.1" }, 1],
      ["_bucket", { route, le: "+Inf" }, 3],
      ["_sum", { route }, 2],
      ["_count", { route }, 3],
    ].map(([suffix, labels, value]) => ({
      metricName: `h${suffix}`,
      labels: labels as Record<string, string>,
      value: value as number,
    })),
  );
  const families: MetricFamily[] = [
    { name: "none", help: "", type: "gauge", unit: "", samples: [] },
    { name: "g", help: "", type: "gauge", unit: "", samples: backends },
    { name: "h", help: "", type: "histogram", unit: "seconds", samples: routes },
  ];
  const seen = { g: 0, h: 0 };
  const sizes: number[] = [];
  for (const { body, count } of encodeMetrics(origin, families, new Map(), { began: 1, now: 2 })) {
    const [{ metrics }] = (body as Encoded).resourceMetrics[0]!.scopeMetrics as [{ metrics: [] }];
    const points = (metrics as Encoded["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]).map(
      ({ name, gauge, histogram }) => {
        const { dataPoints } = (gauge ?? histogram)!;
        seen[name as "g" | "h"] += dataPoints.length;
        return dataPoints.length;
      },
    );
    sizes.push(points.reduce((sum, count) => sum + count));
    assert.equal(sizes.at(-1), count);
  }
  assert.deepEqual(seen, { g: 12_000, h: 3_000 });
  assert.deepEqual(sizes, [5_000, 5_000, 5_000]);
});

test("a span says whether its parent is another program's", () => {
  const span = {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    traceState: "",
    name: "GET r",
    began: 1,
    ended: 2,
    attributes: {},
    error: "",
  };
  const flagsOf = (parentId: string): unknown => {
    const encoded = encodeSpans(origin, [{ ...span, parentId }]) as {
      resourceSpans: { scopeSpans: { spans: { flags: number }[] }[] }[];
    };
    return encoded.resourceSpans[0]!.scopeSpans[0]!.spans[0]!.flags;
  };
  assert.deepEqual([flagsOf(""), flagsOf("c".repeat(16))], [0x101, 0x301]);
});
