import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { becomes, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { echoWebSockets } from "../support/web-socket-echo.ts";

const named = (name: string): Promise<NodeServer> =>
  NodeServer.start((response, _request, body) => response.end(`${name} ${body}`));

function configuration(route: string, pools: string, listener = ""): string {
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    ${listener}
    [routes.changing]
    path_prefix = "/changing"
    pool = "${route}"
    [routes.staying]
    path_prefix = "/staying"
    pool = "one"
    ${pools}`;
}

async function startReloadable(
  t: TestContext,
  toml: string,
): Promise<{ umay: RunningUmay; reload: (toml: string) => Promise<void> }> {
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  t.after(() => dir.remove());
  const file = join(dir.path, "umay.toml");
  writeFileSync(file, toml);
  const umay = await startUmay("", { args: ["--config", file] });
  const reload = async (changed: string): Promise<void> => {
    writeFileSync(file, changed);
    const response = await fetch(`${umay.admin}/reload`, { method: "POST" });
    assert.equal(response.status, 200, await response.text());
  };
  return { umay, reload };
}

/** Sends requests over one connection after the other until it is told to stop. @returns what was answered. */
async function keepAsking(
  port: number,
  isStopped: () => boolean,
  seen: (body: string) => void,
): Promise<void> {
  let client = await HttpClient.connect(port);
  try {
    for (let count = 0; !isStopped(); count++) {
      const body = count % 3 === 0 ? "hello" : "";
      const method = body === "" ? "GET" : "POST";
      const length = body === "" ? "" : "content-length: 5\r\n";
      client.write(`${method} /changing HTTP/1.1\r\nhost: a.example\r\n${length}\r\n${body}`);
      const response = await client.response();
      assert.deepEqual([response.status, response.isComplete], [200, true]);
      assert.match(response.body.toString(), new RegExp(`^(one|two) ${body.length}$`));
      seen(response.body.toString());
      if (response.fields.get("connection") !== "close") continue;
      client[Symbol.dispose]();
      client = await HttpClient.connect(port);
    }
  } finally {
    client[Symbol.dispose]();
  }
}

async function openWebSocket(port: number): Promise<HttpClient> {
  const client = await HttpClient.connect(port);
  client.write(
    "GET /staying/socket HTTP/1.1\r\nhost: a.example\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const { status, fields } = await client.response();
  assert.deepEqual([status, fields.get("sec-websocket-accept")], [101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
  return client;
}

/** A frame with a text of five bytes, masked with zeros, comes back without its mask. */
async function echoes(client: HttpClient, text: string): Promise<void> {
  const before = client.surplus.length;
  client.write(Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from(text)]));
  const whole = before + 7;
  while (client.surplus.length < whole) await sleep(2);
  assert.equal(client.surplus.subarray(-5).toString(), text);
}

test("reloads under load: no request fails, the next one goes by the new routes, WebSockets live on", async (t) => {
  await using one = await named("one");
  await using two = await named("two");
  echoWebSockets(one.server);
  const pools = poolToml("one", [one.address]) + poolToml("two", [two.address]);
  const { umay, reload } = await startReloadable(t, configuration("one", pools));
  await using _ = umay;
  const port = umay.port("web");
  const counts = new Map<string, number>();
  let isStopped = false;
  const load = Promise.all(
    Array.from({ length: 8 }, () =>
      keepAsking(
        port,
        () => isStopped,
        (body) => counts.set(body, (counts.get(body) ?? 0) + 1),
      ),
    ),
  );
  using socket = await openWebSocket(port);
  using kept = await HttpClient.connect(port);
  const ask = async (): Promise<string> => {
    kept.write("GET /changing HTTP/1.1\r\nhost: a.example\r\n\r\n");
    return (await kept.response()).body.toString();
  };
  assert.equal(await ask(), "one 0");
  for (const name of ["two", "one", "two"]) {
    await reload(configuration(name, pools));
    assert.equal(await ask(), `${name} 0`, "the next request of a connection that was there before");
    await echoes(socket, "hello");
  }
  isStopped = true;
  await load;
  for (const body of ["one 0", "one 5", "two 0", "two 5"])
    assert.ok(counts.get(body)! > 0, `${body} was never answered`);
  const failed = umay.log.filter(({ path, reason }) => path === "/changing" && reason !== "served");
  assert.deepEqual(failed, []);
});

test("a listener that changes closes its connections behind an answer, and none before", async (t) => {
  await using one = await named("one");
  const pools = poolToml("one", [one.address]);
  const { umay, reload } = await startReloadable(t, configuration("one", pools));
  await using _ = umay;
  let isStopped = false;
  let answered = 0;
  const load = Promise.all(
    Array.from({ length: 8 }, () =>
      keepAsking(
        umay.port("web"),
        () => isStopped,
        () => answered++,
      ),
    ),
  );
  for (const listener of ['timeouts.keep_alive = "20s"', 'http.via = "umay"']) {
    await reload(configuration("one", pools, listener));
    const before = answered;
    while (answered < before + 50) await sleep(5);
  }
  isStopped = true;
  await load;
  await settled(umay);
});

test("a request that waits for a guard while its pool leaves is answered, and umay serves on", async (t) => {
  const asked = Promise.withResolvers<() => void>();
  await using judge = await NodeServer.start((response) => asked.resolve(() => response.end()));
  await using one = await named("one");
  const guard = `[auth.sso]\ntype = "forward"\npool = "judge"\npath = "/"\n${poolToml("judge", [judge.address])}`;
  const guarded = '[routes.guarded]\npath_prefix = "/guarded"\nauth = ["sso"]\npool = "two"\n';
  const pools = poolToml("one", [one.address]);
  const before = pools + poolToml("two", [one.address]) + guarded + guard;
  const { umay, reload } = await startReloadable(t, configuration("one", before));
  await using _ = umay;
  using client = await HttpClient.connect(umay.port("web"));
  client.write("GET /guarded HTTP/1.1\r\nhost: a.example\r\n\r\n");
  const letIn = await asked.promise;
  await reload(configuration("one", pools + guarded.replace("two", "one") + guard));
  const isGone = (status: object): boolean => !JSON.stringify(status).includes('"two"');
  await becomes(() => umay.status(), isGone, "the pool");
  letIn();
  const { status, body } = await client.response();
  assert.equal(status, 503);
  assert.match(body.toString(), /no_backend/);
  client.write("GET /staying HTTP/1.1\r\nhost: a.example\r\n\r\n");
  assert.equal((await client.response()).status, 200);
});
