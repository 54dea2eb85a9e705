// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration has ${…} of its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SharedStore } from "../../../../src/model/http/guard.ts";
import { load, type Outcome } from "../loading.ts";

const loadStore = (store: string, more = 'rate = "1/s"', env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  load(
    `
    listeners.web = { bind = "127.0.0.1:80", mode = "http" }
    [routes.all]
    respond = {}
    rate_limit = ["x"]
    [rate_limits.x]
    ${more}
    store = ${store}`,
    env,
  );

async function storeOf(text: string, env?: NodeJS.ProcessEnv): Promise<SharedStore | undefined> {
  const { model, problems } = await loadStore(text, undefined, env);
  assert.ok(model !== undefined, JSON.stringify(problems));
  const [guard] = model.routeTables[0]!.guards;
  return guard?.kind === "rate-limit" ? guard.store : undefined;
}

test("a store is a URL, or a table with one", async () => {
  const plain = { username: undefined, password: undefined, database: 0, tls: undefined };
  const usual = { ...plain, prefix: "umay:", timeout: 500 };
  assert.deepEqual(await storeOf('"redis://10.0.0.9"'), { host: "10.0.0.9", port: 6379, ...usual });
  assert.deepEqual(await storeOf('"rediss://u:p%40ss@[::1]:7/3"'), {
    ...usual,
    host: "::1",
    port: 7,
    username: "u",
    password: "p@ss",
    database: 3,
    tls: { ca: undefined },
  });
  const table =
    '{ url = "redis://limits.test", username = "u", password = "${SECRET}", prefix = "a:", timeout = "1s" }';
  assert.deepEqual(await storeOf(table, { SECRET: "p@ss/word" }), {
    ...usual,
    host: "limits.test",
    port: 6379,
    username: "u",
    password: "p@ss/word",
    prefix: "a:",
    timeout: 1_000,
  });
});

test("what is no store is told, and never with its password", async () => {
  const rate = 'rate = "1/s"';
  for (const [store, more, message] of [
    ['"http://10.0.0.9"', rate, /store: expected the URL of a Redis or Valkey/],
    ['"redis://"', rate, /expected the URL/],
    ['"redis://a/b"', rate, /expected the URL/],
    ['"redis://a?x=1"', rate, /expected the URL/],
    ['"redis://:%ff@a"', rate, /expected the URL/],
    ['"redis://:${SECRET}@a:99999"', rate, /expected the URL/],
    ['{ url = "redis://a", ca = "ca.pem" }', rate, /store\.ca: is for a URL that begins with rediss/],
    [
      '{ url = "redis://:p@a", password = "${SECRET}" }',
      rate,
      /store\.password: stands beside that of the URL/,
    ],
    ['"redis://u@a"', rate, /has a username without a password/],
    ['"redis://:${SECRET}@a"', "concurrent = 1", /store: needs rate/],
  ] as const) {
    const { model, problems } = await loadStore(store, more, { SECRET: "hidden-word" });
    assert.equal(model, undefined, store);
    const told = problems.map(({ path, message: text }) => `${path}: ${text}`).join("\n");
    assert.match(told, message);
    assert.doesNotMatch(told, /hidden-word/);
  }
});
