import assert from "node:assert/strict";

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly series: readonly Series[];
}

/** Which sample names belong to a family of a type; the rest of the text format's rules is below. */
const suffixes: Readonly<
  Record<string, { readonly text: readonly string[]; readonly openMetrics: readonly string[] }>
> = {
  counter: { text: [""], openMetrics: ["_total"] },
  unknown: { text: [], openMetrics: [""] },
  gauge: { text: [""], openMetrics: [""] },
  histogram: { text: ["_bucket", "_sum", "_count"], openMetrics: ["_bucket", "_sum", "_count"] },
  summary: { text: ["", "_sum", "_count"], openMetrics: ["", "_sum", "_count"] },
};

/**
 * Reads the Prometheus text format 0.0.4 or OpenMetrics 1.0.0 as their specifications have them, and fails on whatever
 * they forbid: samples outside their family, a family or series that comes twice, bad names, escapes or numbers.
 */
export function parseExposition(body: string, format: "text" | "openMetrics"): Map<string, Family> {
  assert.ok(body.endsWith("\n"), "the last line ends with a newline");
  const lines = body.slice(0, -1).split("\n");
  if (format === "openMetrics") assert.equal(lines.pop(), "# EOF");
  const families = new Map<string, Family & { series: Series[] }>();
  const seen = new Set<string>();
  let current: { name: string; family: Family & { series: Series[] } } | undefined;
  let help: { name: string; text: string } | undefined;
  for (const line of lines) {
    if (line === "" && format === "text") continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment?.[1] === "HELP") {
      help = { name: comment[2]!, text: unescaped(comment[3]!, false) };
    } else if (comment !== null) {
      const [, , name = "", type = ""] = comment;
      assert.equal(help?.name, name, "TYPE follows HELP");
      assert.ok(type in suffixes, `type ${type}`);
      assert.ok(!families.has(name), `${name} comes twice`);
      current = { name, family: { type, help: help!.text, series: [] } };
      families.set(name, current.family);
    } else {
      const series = parseSample(line);
      assert.ok(current !== undefined, `a sample before its family: ${line}`);
      const allowed = suffixes[current.family.type]![format].map((suffix) => current!.name + suffix);
      assert.ok(allowed.includes(series.name), `${series.name} in the family ${current.name}`);
      const identity = `${series.name}${JSON.stringify(Object.entries(series.labels).sort())}`;
      assert.ok(!seen.has(identity), `${identity} comes twice`);
      seen.add(identity);
      current.family.series.push(series);
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function parseSample(line: string): Series {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line);
  assert.ok(match, `not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? "";
  while (rest !== "") {
    const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|$)/.exec(rest);
    assert.ok(pair, `not labels: ${rest}`);
    assert.ok(!(pair[1]! in labels), `label ${pair[1]} comes twice`);
    labels[pair[1]!] = unescaped(pair[2]!, true);
    rest = rest.slice(pair[0].length);
    assert.ok(pair[3] === "" || rest !== "", `a comma at the end of ${line}`);
  }
  assert.match(match[3]!, /^(nan|[+-]inf|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/i);
  return { name: match[1]!, labels, value: toNumber(match[3]!) };
}

const toNumber = (text: string): number => Number(text.replace("Inf", "Infinity").replace("Nan", "NaN"));

function unescaped(text: string, quoted: boolean): string {
  return text.replaceAll(/\\(.?)/g, (_, escaped: string) => {
    assert.ok(["\\", "n", ...(quoted ? ['"'] : [])].includes(escaped), `\\${escaped} is no escape`);
    return escaped === "n" ? "\n" : escaped;
  });
}

/** Buckets rise with their bounds and end with +Inf, which is the count. */
function checkHistogram(name: string, { series }: Family): void {
  const groups = Map.groupBy(series, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, group] of groups) {
    const buckets = group.filter((each) => each.name === `${name}_bucket`);
    const bounds = buckets.map((bucket) => toNumber(bucket.labels["le"]!));
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
      `${name} ${labels}: bounds`,
    );
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `${name} ${labels}: counts`,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const total = group.filter((each) => each.name === `${name}_count`);
    assert.deepEqual(
      total.map(({ value }) => value),
      [counts.at(-1)],
    );
    assert.equal(group.filter((each) => each.name === `${name}_sum`).length, 1);
  }
}
