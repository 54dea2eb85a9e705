import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

describe("limits by key, over four workers", () => {
  const stack = new AsyncDisposableStack();
  const held: ServerResponse[] = [];
  let umay: RunningUmay;

  before(async () => {
    const backend = stack.use(
      await NodeServer.start((response, { url = "" }) => {
        if (url.startsWith("/few")) held.push(response);
        else response.end();
      }),
    );
    umay = stack.use(
      await startUmay(`
      workers = 4
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      [rate_limits.hourly]
      key = ["header:x-user", "client-ip"]
      rate = "100/h"
      burst = 100
      fields = "always"
      [rate_limits.few]
      concurrent = 3
      [routes.hourly]
      path_prefix = "/hourly"
      rate_limit = ["hourly"]
      pool = "app"
      [routes.few]
      path_prefix = "/few"
      rate_limit = ["few"]
      pool = "app"
      ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => stack.disposeAsync());

  /** So many requests over one connection. */
  async function ask(count: number, user: string): Promise<number[]> {
    using client = await HttpClient.connect(umay.port("web"));
    const statuses: number[] = [];
    for (let sent = 0; sent < count; sent++) {
      client.write(`GET /hourly HTTP/1.1\r\nHost: a.test\r\nX-User: ${user}\r\n\r\n`);
      const { status, fields } = await client.response();
      statuses.push(status);
      assert.equal(fields.get("ratelimit-policy"), '"hourly";q=100;w=3600');
      if (status === 429) assert.match(fields.get("retry-after") ?? "", /^3[56]$/);
    }
    return statuses;
  }

  test("a rate is held exactly, and each key has its own", async () => {
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, index) => ask(10, index % 2 === 0 ? "a" : "b")),
    );
    const passed = (start: number): number =>
      all
        .filter((_, index) => index % 2 === start)
        .flat()
        .filter((status) => status === 200).length;
    assert.deepEqual([passed(0), passed(1)], [100, 100]);
    assert.equal(await umay.metric("umay_rate_limited_total", { limit: "hourly" }), 40);
    await umay.logged(({ detail }) => detail === "rate_limits.hourly: over the rate");
  });

  test("so many are under way at a time, until they are over or their client is gone", async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => HttpClient.connect(umay.port("web"))));
    for (const client of clients) client.write("GET /few HTTP/1.1\r\nHost: a.test\r\n\r\n");
    const answered: number[] = [];
    const answers = clients.map(async (client) => {
      const { status } = await client.response();
      answered.push(status);
      return status;
    });
    while (answered.length < 5) await new Promise(setImmediate);
    assert.deepEqual(answered, [429, 429, 429, 429, 429]);
    while (held.length < 3) await new Promise(setImmediate);
    assert.equal(held.length, 3);
    held[0]!.end();
    const before = await Promise.race(
      answers.map((answer) =>
        answer.then((status) => (status === 200 ? 200 : new Promise<number>(() => {}))),
      ),
    );
    assert.equal(before, 200);
    using other = await HttpClient.connect(umay.port("web"));
    other.write("GET /few HTTP/1.1\r\nHost: a.test\r\n\r\n");
    while (held.length < 4) await new Promise(setImmediate);
    for (const response of held) response.end();
    assert.equal((await other.response()).status, 200);
    const all = await Promise.all(answers);
    assert.equal(all.filter((status) => status === 200).length, 3);
    for (const client of clients) client[Symbol.dispose]();
  });
});
