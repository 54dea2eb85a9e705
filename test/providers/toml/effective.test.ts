import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectiveValue } from "../../../src/providers/provider.ts";
import { formatEffective, readEffective } from "../../../src/providers/toml/effective.ts";
import { loadModel } from "./loading.ts";

const text = `log.level = "warn"
[listeners.web]
bind = "\${HOST:-127.0.0.1}:80" # where
pool = "app"
timeouts = { idle = "5m" }
detect = true
[[listeners.web.routes]]
protocol = ["http1"]
pool = "app"
[pools.app]
picker = { type = "consistent-hash", key = "source-ip" }
discovery.type = "dns"
discovery.name = "app.test"
discovery.port = 80
`;

async function effective(env: NodeJS.ProcessEnv = {}): Promise<ReadonlyMap<string, EffectiveValue>> {
  const values = await readEffective({ text, name: "umay.toml", env });
  return new Map(values.map((value) => [value.key, value]));
}

test("each key has its value and where it comes from: the file, the environment, or a default", async () => {
  const values = await effective({ UMAY__WORKERS: "3", UMAY__LISTENERS__WEB__ROUTES__0__POOL: "app" });
  const of = (key: string): unknown[] => {
    const { value, origin, words } = values.get(key)!;
    return [value ?? words, origin];
  };
  assert.deepEqual(of("workers"), [`\${UMAY__WORKERS}`, "UMAY__WORKERS"]);
  assert.deepEqual(of("log.level"), ["warn", "umay.toml:1:5"]);
  assert.deepEqual(of("log.sessions"), [true, "default"]);
  assert.deepEqual(of("log.format"), ["pretty on a terminal, json elsewhere", "default"]);
  assert.deepEqual(of("listeners.web.timeouts.idle"), ["5m", "umay.toml:5:14"]);
  assert.deepEqual(of("listeners.web.timeouts.handshake"), ["10s", "default"]);
  assert.deepEqual(of("listeners.web.routes"), [
    [{ protocol: ["http1"], pool: `\${UMAY__LISTENERS__WEB__ROUTES__0__POOL}` }],
    "umay.toml:7:3, UMAY__LISTENERS__WEB__ROUTES__0__POOL",
  ]);
  // Of what a table of another type would have there is nothing.
  assert.deepEqual(of("pools.app.discovery.record"), ["a", "default"]);
  assert.equal(values.has("pools.app.discovery.backends"), false);
  assert.deepEqual(of("pools.app.picker.algorithm"), ["maglev", "default"]);
  assert.equal(values.has("pools.app.picker.decay"), false);
  assert.equal(values.has("admin.bind"), false);
});

test("what stands for a value is shown instead of it, and a variable instead of what it has set", async () => {
  const values = await effective({ HOST: "10.9.8.7", UMAY__POOLS__APP__DISCOVERY__NAME: `\${NO}.$$.test$` });
  assert.equal(values.get("listeners.web.bind")!.value, `\${HOST:-127.0.0.1}:80`);
  const shown = formatEffective([...values.values()]);
  assert.match(shown, /^listeners\.web\.bind = "\$\{HOST:-127\.0\.0\.1\}:80" # umay\.toml:3:1$/m);
  assert.ok(!shown.includes("10.9.8.7"));
  assert.match(
    shown,
    /^pools\.app\.discovery\.name = "\$\{UMAY__POOLS__APP__DISCOVERY__NAME\}" # UMAY__POOLS/m,
  );
});

test("as text it is a configuration that means the same in the same environment", async () => {
  const env = {
    HOST: "127.0.0.2",
    UMAY__SHUTDOWN: `{ delay = "1s" }`,
    UMAY__LISTENERS__NEW__BIND: "127.0.0.1:81",
    UMAY__LISTENERS__NEW__POOL: "other",
    UMAY__POOLS__OTHER__DISCOVERY__TYPE: "static",
    UMAY__POOLS__OTHER__DISCOVERY__BACKENDS: `["127.0.0.1:1"]`,
  };
  const shown = formatEffective([...(await effective(env)).values()]);
  assert.deepEqual(await loadModel(shown, env), await loadModel(text, env));
});
