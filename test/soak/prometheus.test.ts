import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { projectRoot } from "../support/command.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { freePorts } from "../support/free-ports.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

const prometheus = "/usr/bin/prometheus";
const skip = existsSync(prometheus) ? false : "Prometheus is not installed";
const contrib = join(projectRoot, "contrib");

/** Each query of the dashboard, its variables filled in. */
function queriesOfDashboard(): readonly string[] {
  const text = readFileSync(join(contrib, "grafana/umay.json"), "utf8");
  const { panels } = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
  return panels
    .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\{?\w+\}?/g, ".*"));
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly unknown[];
    readonly groups: readonly { rules: readonly Rule[] }[];
  };
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly state?: string;
  readonly lastError?: string;
}

test("a real Prometheus scrapes umay, loads the alerts, and answers each query of the dashboard", {
  skip,
}, async () => {
  await using echo = await startEchoBackend();
  await using app = await startHttpBackend(tellRequest("app"));
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    listeners.web = { bind = "127.0.0.1:0", mode = "http" }
    routes.all = { pool = "app" }
    ${poolToml("echo", [echo.address])}
    ${poolToml("app", [app.address])}`);
  const client = await connectPlain(umay.port("plain"));
  await echoed(client);
  await farewell(client);
  assert.equal((await ask(umay.port("web"))).status, 200);
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-prometheus-"));
  const [port] = await freePorts(1);
  const config = join(dir.path, "prometheus.yml");
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${join(contrib, "prometheus/rules.yml")}"]
scrape_configs: [{ job_name: umay, static_configs: [{ targets: ["${umay.admin.slice("http://".length)}"] }] }]
`,
  );
  const server = endWithTest(
    spawn(
      prometheus,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(dir.path, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=warn",
      ],
      { stdio: "ignore" },
    ),
  );
  const api = async (path: string): Promise<Answer> =>
    (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Answer;
  const query = (expr: string): Promise<Answer> => api(`query?query=${encodeURIComponent(expr)}`);
  try {
    await becomes(
      () =>
        query("umay_listener_connections_total").then(
          ({ data }) => data.result.length,
          () => 0,
        ),
      (count) => count === 2,
      "listeners that were scraped",
      30_000,
    );
    const queries = queriesOfDashboard();
    assert.ok(queries.length > 10);
    for (const expr of queries) {
      const { status, error } = await query(expr);
      assert.equal(status, "success", `${expr}: ${error}`);
    }
    const rules = async (): Promise<Rule[]> =>
      (await api("rules")).data.groups.flatMap((group) => group.rules);
    const evaluated = await becomes(
      rules,
      (all) => all.length > 0 && all.every(({ health }) => health === "ok"),
      "rules",
      30_000,
    );
    assert.deepEqual(
      evaluated.filter(({ state }) => state === "firing").map(({ name }) => name),
      [],
    );
  } finally {
    server.kill();
  }
});
