import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exposition } from "../src/control/tell/metrics/exposition.ts";
import { type MetricName, metrics } from "../src/observe/metrics.ts";
import { testInput } from "./control/tell/metrics-input.ts";
import { checkedDashboard } from "./support/grafana-schema.ts";
import { wholeText } from "./support/whole-text.ts";

const root = join(import.meta.dirname, "..");
const rules = readFileSync(join(root, "contrib/prometheus/rules.yml"), "utf8");
const grafana = readFileSync(join(root, "contrib/grafana/umay.json"), "utf8");
const promtool = "/usr/bin/promtool";
const skip = existsSync(promtool) ? false : "there is no promtool on this machine";

for (const [name, text] of Object.entries({ rules, grafana })) {
  test(`every metric and label in ${name} is one that umay serves`, () => {
    const used = [...text.matchAll(/\b(umay_[a-z_]+?)(_bucket)?(?:\{([^}]*)\})?(?=[^a-z_])/g)];
    assert.ok(used.length > 10);
    for (const [, metric, bucket, matchers = ""] of used) {
      const { labels, type } = metrics[metric as MetricName] ?? assert.fail(`there is no ${metric}`);
      assert.equal(bucket !== undefined, (type as string) === "histogram", metric);
      for (const [, label] of matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g))
        assert.ok([...labels, "instance", "job"].includes(label!), `${metric} has no label ${label}`);
    }
  });
}

test("the program for dynamic updates of DNS adds and deletes one value, also below another zone", () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-nsupdate-"));
  writeFileSync(join(dir.path, "nsupdate"), '#!/bin/sh\necho "$@"\ncat\n', { mode: 0o755 });
  const hook = (variables: Record<string, string>, ...args: string[]) => {
    const env = { PATH: `${dir.path}:/usr/bin:/bin`, ...variables };
    return spawnSync(join(root, "contrib/dns-01/nsupdate-hook"), args, { env, encoding: "utf8" });
  };
  const args = ["127.0.0.1", "a.key"];
  const name = "_acme-challenge.a.test";
  assert.equal(
    hook({}, ...args, "set", name, "v-1").stdout,
    `-k a.key\nserver 127.0.0.1\nupdate add ${name}. 60 TXT "v-1"\nsend\n`,
  );
  assert.equal(
    hook({ UNDER: "b.test" }, ...args, "unset", name, "v-1").stdout,
    `-k a.key\nserver 127.0.0.1\nupdate delete ${name}.b.test. TXT "v-1"\nsend\n`,
  );
  assert.deepEqual([hook({}, ...args).status, hook({}, ...args, "be", name, "v").status], [64, 64]);
});

test("every alert has a runbook, and every runbook an alert", () => {
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  const runbooks = [...readFileSync(join(root, "docs/runbooks.md"), "utf8").matchAll(/^## (\w+)$/gm)];
  assert.deepEqual(
    runbooks.map(([, name]) => name),
    alerts,
  );
  const links = [...rules.matchAll(/runbook_url: docs\/runbooks\.md#(\w+)/g)].map(([, anchor]) => anchor);
  assert.deepEqual(
    links,
    alerts.map((name) => name.toLowerCase()),
  );
});

test("panels of the dashboard do not overlap, and each has a number of its own", () => {
  const { panels } = JSON.parse(grafana) as {
    panels: { id: number; title: string; gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${title} overlaps ${taken.get(`${x} ${y}`)}`);
        taken.set(`${x} ${y}`, title);
      }
});

test("the dashboard is one by Grafana's schema, each panel by its plugin's", () => {
  const folder = join(root, "node_modules/.cache");
  mkdirSync(folder, { recursive: true });
  using work = mkdtempDisposableSync(join(folder, "grafana-"));
  const file = join(work.path, "dashboard.ts");
  writeFileSync(file, checkedDashboard(grafana));
  const { status, stdout, stderr } = spawnSync(
    join(root, "node_modules/.bin/tsc"),
    [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      file,
    ],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stdout + stderr);
});

test("promtool finds nothing wrong with the rules", { skip }, () => {
  const file = join(root, "contrib/prometheus/rules.yml");
  const { status, stdout, stderr } = spawnSync(promtool, ["check", "rules", file], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});

test("promtool's linter finds nothing wrong with what umay serves", { skip }, async () => {
  const body = await wholeText((await exposition(testInput(), "")).body);
  const { stdout, stderr } = spawnSync(promtool, ["check", "metrics"], { input: body, encoding: "utf8" });
  assert.equal(stdout + stderr, "");
});
