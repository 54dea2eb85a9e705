import assert from "node:assert/strict";
import { test } from "node:test";
import type { RateLimit } from "../../../../src/model/http/guard.ts";
import { load, type Outcome } from "../loading.ts";

const loadLimit = (limit: string): Promise<Outcome> =>
  load(`
    listeners.web = { bind = "127.0.0.1:80", mode = "http" }
    [routes.all]
    respond = {}
    rate_limit = ["x"]
    [rate_limits.x]
    ${limit}`);

async function limitOf(text: string): Promise<RateLimit> {
  const { model, problems } = await loadLimit(text);
  assert.ok(model !== undefined, JSON.stringify(problems));
  const [guard] = model.routeTables[0]!.guards;
  assert.ok(guard?.kind === "rate-limit");
  return guard;
}

const problemOf = async (text: string): Promise<string> => JSON.stringify((await loadLimit(text)).problems);

test("parts of a key are for one value where they say it", async () => {
  const { key } = await limitOf(
    'key = ["header:X-Tier=gold+user", "client-ip=10.0.0.0/8", "query:q=č+connection", "route=all"]\nrate = "1/s"',
  );
  assert.deepEqual(key, [
    [{ kind: "header", name: "x-tier", is: "gold" }, { kind: "user" }],
    [{ kind: "client-ip", v4: 32, v6: 64, is: "10.0.0.0/8" }],
    [{ kind: "query", name: "q", is: "\xc4\x8d" }, { kind: "connection" }],
    [{ kind: "route", is: "all" }],
  ]);
  assert.match(await problemOf('key = ["client-ip=10.0.0.0/40"]\nrate = "1/s"'), /10.0.0.0\/40.*/);
  for (const wrong of ["connection=1", "client-ip/24=10.0.0.1", "header:x=", "query:"])
    assert.match(await problemOf(`key = ["${wrong}"]\nrate = "1/s"`), /expected \\"client-ip\\"/, wrong);
});

test("a limit has other rates for certain requests, and may have these alone", async () => {
  const rates =
    'rates = [{ key = "claim:plan=gold+user", rate = "100/s", burst = 200 }, { key = "client-ip", rate = "90/m" }]';
  const limit = await limitOf(`rate = "10/s"\n${rates}`);
  assert.deepEqual(limit.rates, [
    [
      {
        key: [{ kind: "claim", name: "plan", is: "gold" }, { kind: "user" }],
        name: "claim:plan=gold+user",
        rate: { requests: 100, period: 1_000 },
        burst: 200,
        cost: 1,
      },
      {
        key: [{ kind: "client-ip", v4: 32, v6: 64 }],
        name: "client-ip",
        rate: { requests: 90, period: 60_000 },
        burst: 2,
        cost: 1,
      },
    ],
  ]);
  assert.equal(limit.always, undefined);
  assert.equal((await limitOf(rates)).rate, undefined);
  assert.match(await problemOf('key = ["user"]'), /limits nothing; add rate, rates or concurrent/);
  assert.match(
    await problemOf(`rate = "1/s"\nstore = "redis://10.0.0.9"\n${rates}`),
    /can't be shared by machines/,
  );
});

test("a limit whose rates know who the client is comes behind the auths", async () => {
  const { model, problems } = await load(`
    listeners.web = { bind = "127.0.0.1:80", mode = "http" }
    [routes.all]
    respond = {}
    auth = ["m"]
    rate_limit = ["x"]
    [auth.m]
    type = "mtls"
    [rate_limits.x]
    rate = "1/s"
    rates = [{ key = "user", rate = "2/s" }]`);
  assert.ok(model !== undefined, JSON.stringify(problems));
  assert.deepEqual(model.routeTables[0]!.hosts[0]!.rules[0]!.route.guards, [["auth.m"], ["rate_limits.x"]]);
});
