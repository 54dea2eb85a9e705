import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/http.ts";
import { RedisServer, redisMissing } from "../support/redis.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const configFor = (port: number): string => `
  workers = 2
  admin.bind = "127.0.0.1:0"
  [listeners.web]
  bind = "127.0.0.1:0"
  mode = "http"
  [rate_limits.slow]
  key = ["header:x-key", "client-ip"]
  rate = "1/h"
  burst = 40
  store = "redis://127.0.0.1:${port}"
  [routes.all]
  rate_limit = ["slow"]
  respond = { body = "ok" }`;

const statusFor = async (umay: RunningUmay, key: string): Promise<number> =>
  (await ask(umay.port("web"), { headers: { "x-key": key } })).status;

const isUp = async (umay: RunningUmay, port: number, wanted: boolean): Promise<unknown> =>
  becomes(
    () => umay.metric("umay_rate_limit_store_up", { store: `127.0.0.1:${port}` }),
    (up) => (up === 1) === wanted,
    "the store",
  );

test("machines share a limit, and a store that dies under load refuses nobody", {
  skip: redisMissing,
}, async () => {
  await using redis = await RedisServer.start();
  await using one = await startUmay(configFor(redis.port));
  await using other = await startUmay(configFor(redis.port));
  for (const umay of [one, other]) await isUp(umay, redis.port, true);

  for (let count = 0; count < 40; count++) assert.equal(await statusFor(one, "a"), 200);
  assert.equal(await statusFor(one, "a"), 429);
  // Each request that passes here tells it of what passed there; of two machines it is at most one burst too many.
  let passed = 0;
  await becomes(
    async () => {
      const status = await statusFor(other, "a");
      if (status === 200) passed++;
      return status;
    },
    (status) => status === 429,
    "a limit that is used up elsewhere",
  );
  assert.ok(passed >= 1 && passed <= 40, String(passed));

  let going = true;
  const statuses = new Map<number, number>();
  const load = [one, other].flatMap((umay) =>
    Array.from({ length: 4 }, async (_, client) => {
      for (let count = 0; going; count++) {
        const status = await statusFor(umay, `${client} ${count}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  const more = async (): Promise<unknown> => {
    const before = statuses.get(200) ?? 0;
    return becomes(
      () => (statuses.get(200) ?? 0) - before,
      (count) => count > 60,
      "requests",
    );
  };
  await more();
  await redis.kill();
  for (const umay of [one, other]) await isUp(umay, redis.port, false);
  await more();
  for (let count = 0; count < 40; count++) assert.equal(await statusFor(one, "b"), 200);
  assert.equal(await statusFor(one, "b"), 429, "the machine counts for itself");
  assert.equal(await statusFor(other, "c"), 200);
  await redis.begin();
  for (const umay of [one, other]) await isUp(umay, redis.port, true);
  await more();
  going = false;
  await Promise.all(load);
  assert.deepEqual([...statuses.keys()], [200]);
  assert.ok((await one.metric("umay_rate_limit_unshared_total", { limit: "slow" })) >= 40);
  const told = one.log.filter(({ msg }) => msg.startsWith("the store of rate limits"));
  assert.deepEqual(
    told.map(({ level }) => level),
    ["warn", "info"],
  );
});
