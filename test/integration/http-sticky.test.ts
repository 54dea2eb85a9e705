import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { becomes } from "../support/settled.ts";
import { TimedBackend } from "../support/timed-backend.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

describe("a route with two pools and a cookie", () => {
  const stack = new AsyncDisposableStack();
  const backends: TimedBackend[] = [];
  let umay: RunningUmay;

  before(async () => {
    for (let count = 0; count < 4; count++) backends.push(stack.use(await TimedBackend.start()));
    const [one, two, three, four] = backends.map(({ address }) => address) as [
      string,
      string,
      string,
      string,
    ];
    umay = stack.use(
      await startUmay(
        `workers = 2
        admin = { bind = "127.0.0.1:0" }
        [listeners.web]
        bind = "127.0.0.1:0"
        mode = "http"
        [routes.all]
        pools = [{ pool = "a", weight = 3 }, { pool = "b", weight = 1 }]
        sticky = { cookie = "side" }
        ${poolToml("a", [one, two], 'picker = "round-robin"\nhttp.idle = "1m"')}
        ${poolToml("b", [three, four], 'picker = "round-robin"\nhttp.idle = "1m"')}`,
      ),
    );
  });
  after(() => stack.disposeAsync());

  /** Each over a connection of its own. @returns the cookie that came with the answer; undefined: none. */
  async function ask(path: string, cookie?: string): Promise<string | undefined> {
    using client = await HttpClient.connect(umay.port("web"));
    const field = cookie === undefined ? "" : `cookie: other=1; ${cookie}\r\n`;
    client.write(`GET ${path} HTTP/1.1\r\nhost: a.example\r\n${field}\r\n`);
    const { status, fields } = await client.response();
    assert.equal(status, 200);
    return /^side=[^;]+/.exec(fields.get("set-cookie") ?? "")?.[0];
  }

  const serverOf = (path: string): TimedBackend => backends.find(({ seen }) => seen.includes(`GET ${path}`))!;

  test("spreads new clients by weight, and keeps each at the backend that it had", async () => {
    const cookies = new Map<string, TimedBackend>();
    for (let count = 0; count < 40; count++) {
      const cookie = await ask(`/new/${count}`);
      cookies.set(cookie!, serverOf(`/new/${count}`));
    }
    assert.equal(cookies.size, 4, "a cookie stands for a backend");
    for (const [cookie, backend] of cookies)
      for (let count = 0; count < 5; count++) {
        const path = `/again/${cookie}/${count}`;
        assert.equal(await ask(path, cookie), undefined, "it has its cookie already");
        assert.equal(serverOf(path), backend);
      }
    assert.notEqual(await ask("/unknown", "side=nobody"), undefined, "an unknown one is replaced");
  });

  test("lets clients stay at a backend that drains, and closes the connections that wait there", async () => {
    const cookie = (await ask("/drain/first"))!;
    const backend = serverOf("/drain/first");
    const idle = (): Promise<number> =>
      umay.metric("umay_backend_idle_connections", { backend: backend.address });
    assert.ok((await idle()) > 0, "no connection was kept");
    const pool = backends.indexOf(backend) < 2 ? "a" : "b";
    const order = async (what: string): Promise<void> => {
      const url = `${umay.admin}/pools/${pool}/backends/${backend.address}/${what}`;
      const { status } = await fetch(url, { method: "POST" });
      assert.equal(status, 200);
    };
    await order("drain");
    await becomes(idle, (count) => count === 0, "idle connections to a backend that drains");
    assert.equal(await ask("/drain/second", cookie), undefined);
    assert.equal(serverOf("/drain/second"), backend);
    for (let count = 0; count < 20; count++) {
      await ask(`/drain/new/${count}`);
      assert.notEqual(serverOf(`/drain/new/${count}`), backend);
    }
    await order("undrain");
  });

  test("chooses anew for clients whose backend is gone", async () => {
    const cookie = (await ask("/gone/first"))!;
    const backend = serverOf("/gone/first");
    await backend.kill();
    const other = await ask("/gone/second", cookie);
    assert.ok(other !== undefined && other !== cookie);
    assert.notEqual(serverOf("/gone/second"), backend);
  });
});
