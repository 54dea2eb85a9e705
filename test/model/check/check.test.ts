import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chain } from "../../../src/model/chain.ts";
import { checkModel } from "../../../src/model/check/check.ts";
import type { Model } from "../../../src/model/model.ts";
import { load } from "../../providers/toml/loading.ts";
import { chainTo } from "../../support/chains.ts";

const pools = `[pools.a]
discovery = { type = "static", backends = ["10.0.0.1:80"] }
[pools.b]
discovery = { type = "static", backends = ["10.0.0.2:80"] }`;

/** A model whose provider has found nothing wrong, to be changed. */
async function model(listener: string): Promise<Model> {
  const loaded = await load(`[listeners.web]\nbind = "127.0.0.1:4000"\npool = "a"\n${listener}\n${pools}`);
  assert.ok(loaded.model, JSON.stringify(loaded.problems));
  return loaded.model;
}

test("a model in which everything fits has no finding", async () => {
  assert.deepEqual(
    checkModel(await model('mode = "passthrough"\nroutes = [{ sni = ["b.test"], pool = "b" }]')),
    [],
  );
});

test("what refers to a pool that is not there is told with its path, and a pool that was left out is there", async () => {
  const { pools: all, ...rest } = await model(
    'mode = "passthrough"\nroutes = [{ sni = ["b.test"], pool = "b" }]',
  );
  const without = { ...rest, pools: all.filter(({ name }) => name !== "b") };
  assert.deepEqual(checkModel(without), [
    {
      kind: "unknown_pool",
      path: ["listeners", "web", "chains", "routes[0]", "serve", "to", 0, "pool"],
      pool: "b",
    },
  ]);
  assert.deepEqual(checkModel(without, ["b"]), []);
});

test("a pool that nobody uses is told, unless a name is unknown that may mean it", async () => {
  const { listeners, ...rest } = await model("");
  assert.deepEqual(checkModel({ ...rest, listeners }), [{ kind: "unused_pool", path: ["pools", "b"] }]);
  const [web] = listeners;
  assert.deepEqual(
    checkModel({ ...rest, listeners: [{ ...web!, chains: [chainTo("bb", {}, { name: "pool" })] }] }),
    [
      {
        kind: "unknown_pool",
        path: ["listeners", "web", "chains", "pool", "serve", "to", 0, "pool"],
        pool: "bb",
      },
    ],
  );
});

const rulesFound = async (...rules: Chain[]): Promise<readonly string[]> => {
  const { listeners, ...rest } = await model('routes = [{ pool = "b" }]');
  const chains = [...rules, chainTo("a", {}, { name: "pool", tls: rules[0]!.tls })];
  return checkModel({ ...rest, listeners: [{ ...listeners[0]!, chains }] }).flatMap((finding) =>
    finding.kind === "rule_hidden" || finding.kind === "rule_twice"
      ? [`${finding.kind} ${finding.path[3]} by ${finding.by}`]
      : [],
  );
};

test("a rule that nothing reaches, or that is there twice, is told with the one that hides it", async () => {
  const rule = (name: string, match: Parameters<typeof chainTo>[1], tls: Chain["tls"] = "passthrough") =>
    chainTo("b", match, { name, tls });
  const wide = rule("wide", { sni: ["*.a.test"] });
  assert.deepEqual(await rulesFound(wide, rule("narrow", { sni: ["x.y.a.test"], alpn: ["h2"] })), [
    "rule_hidden narrow by wide",
  ]);
  assert.deepEqual(await rulesFound(wide, rule("again", { sni: ["*.a.test"] })), [
    "rule_twice again by wide",
  ]);
  for (const reached of [{ sni: ["a.test"] }, { sni: ["x.a.test", "b.test"] }, { alpn: ["h2"] }])
    assert.deepEqual(await rulesFound(wide, rule("reached", reached)), []);
  assert.deepEqual(await rulesFound(rule("one", { alpn: ["h2"] }), rule("two", { sni: ["a.test"] })), []);
  assert.deepEqual(await rulesFound(wide, rule("ended", { sni: ["x.a.test"] }, "terminate")), []);
});

test("a name is there once", async () => {
  const { listeners, pools: all, ...rest } = await model('routes = [{ pool = "b" }]');
  const [web] = listeners;
  const twice = { ...web!, bind: { kind: "tcp", host: "127.0.0.1", port: 4001 } } as const;
  assert.deepEqual(
    checkModel({ ...rest, listeners: [web!, twice], pools: [...all, all[0]!] }).filter(
      ({ kind }) => kind === "duplicate_name",
    ),
    [
      { kind: "duplicate_name", path: ["listeners", "web"], name: "web" },
      { kind: "duplicate_name", path: ["pools", "a"], name: "a" },
    ],
  );
});

test("connections that find no chain are told of, at the first bytes and after a handshake", async () => {
  const { listeners, ...rest } = await model('routes = [{ pool = "b" }]');
  const [web] = listeners;
  const leaves = (...chains: Chain[]): boolean =>
    checkModel({ ...rest, listeners: [{ ...web!, chains }] }).some(({ kind }) => kind === "leaves_some");
  const named = chainTo("a", { sni: ["a.test"] }, { tls: "terminate" });
  assert.ok(leaves());
  assert.ok(leaves(named));
  assert.ok(leaves(named, chainTo("b", {}, { tls: "passthrough" })));
  assert.ok(!leaves(named, chainTo("b", {}, { tls: "terminate" })));
  assert.ok(leaves(named, chainTo("a", {}, { tls: "terminate" }), chainTo("b", { protocol: ["http1"] })));
  assert.ok(!leaves(chainTo("b")));
});
