import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionsAnswer } from "../../src/control/tell/sessions.ts";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { type Finished, runCommand } from "../support/command.ts";
import { ask, RawClient, startHttpBackend } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

test("umay sessions lists who is connected and what they ask for, and umay kill ends one of them alone", async () => {
  await using echo = await startEchoBackend();
  await using app = await startHttpBackend((request, response) => {
    if (request.url === "/quick") response.end("done");
    else response.write("begun");
  });
  await using umay = await startUmay(`
    workers = 2
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    ${poolToml("echo", [echo.address])}
    ${poolToml("app", [app.address])}`);
  const admin = ["--admin", umay.admin.slice("http://".length)];
  const command = (...words: string[]): Promise<Finished> => runCommand([...words, ...admin]);
  const list = async (query = ""): Promise<SessionsAnswer> => {
    const response = await fetch(`${umay.admin}/sessions${query}`, { headers: { connection: "close" } });
    return (await response.json()) as SessionsAnswer;
  };
  assert.equal((await command("sessions")).stdout, "no session is open\n");

  const [staying, leaving] = [await connectPlain(umay.port("plain")), await connectPlain(umay.port("plain"))];
  await echoed(staying, "twelve bytes");
  await echoed(leaving);
  using browser = new RawClient(umay.port("web"));
  await browser
    .send("GET /slow?secret HTTP/1.1\r\nHost: a.test\r\n\r\n")
    .until(({ text }) => text.includes("begun"));
  await ask(umay.port("web"), { path: "/quick", headers: { connection: "close" } });
  await becomes(
    async () => (await list("?listener=web")).count,
    (open) => open === 1,
    "sessions of web",
  );

  const { sessions, count } = await list("?listener=plain");
  assert.equal(count, 2);
  const own = sessions.find(({ client }) => client.endsWith(`:${staying.port}`))!;
  const { id, worker, seconds, ...rest } = own;
  assert.match(id, /^[0-9a-f]{6}-[0-9a-z]+$/);
  assert.ok(worker >= 1 && seconds >= 0);
  assert.deepEqual(rest, {
    listener: "plain",
    client: `127.0.0.1:${staying.port}`,
    sni: null,
    alpn: null,
    tls: null,
    state: "relay",
    pool: "echo",
    backend: echo.address,
    received: 12,
    sent: 12,
    requests_total: null,
    requests: [],
  });
  const [web] = (await list(`?backend=${app.address}`)).sessions;
  assert.deepEqual([web?.state, web?.requests_total, web?.requests.length], ["requests", 1, 1]);
  const { method, host, path, route, pool, state, sent } = web!.requests[0]!;
  assert.deepEqual(
    { method, host, path, route, pool, state, sent },
    {
      method: "GET",
      host: "a.test",
      path: "/slow",
      route: "web.pool",
      pool: "app",
      state: "answering",
      sent: 5,
    },
  );
  assert.equal((await list("?client=10.0.0.0/8")).count, 0);

  const table = await command("sessions", "--client", "127.0.0.0/8");
  assert.equal(table.code, 0);
  assert.match(table.stdout, /^ID +CLIENT +LISTENER +POOL +BACKEND +STATE +OPEN FOR +IN +OUT +REQUEST\n/);
  assert.ok(table.stdout.includes(`${id}  127.0.0.1:${staying.port}`), table.stdout);
  assert.match(table.stdout, /answering .* GET a\.test\/slow$/m);
  const first = await command("sessions", "--limit", "1");
  assert.match(first.stdout, /and 2 more; --limit shows them\n$/);
  const wrong = await command("sessions", "--client", "localhost");
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [1, "umay: client: localhost is no IP address, with or without the length of a prefix\n"],
  );

  assert.deepEqual(await command("kill", id), { code: 0, stdout: `${id} was ended\n`, stderr: "" });
  const line = await umay.session((session) => session["id"] === id);
  assert.deepEqual([line["reason"], line["origin"]], ["killed", "umay"]);
  await echoed(leaving, "still there");
  const again = await command("kill", id);
  assert.deepEqual(
    [again.code, again.stderr],
    [1, `umay: no open connection has the id ${id}; umay sessions lists them\n`],
  );

  assert.equal(await umay.metric("umay_backend_received_bytes_total", { backend: app.address }), 4, "done");
  assert.equal((await command("kill", web!.id)).code, 0);
  await browser.until(({ error, ended }) => error !== undefined || ended);
  assert.equal(browser.error?.code, "ECONNRESET", "an answer that is cut does not look complete");
  await umay.logged(({ msg, path: its, reason }) => msg.length > 0 && its === "/slow" && reason === "killed");
  assert.equal(
    await umay.metric("umay_backend_received_bytes_total", { backend: app.address }),
    9,
    "and begun",
  );
  await farewell(leaving);
  await becomes(
    async () => (await list()).count,
    (open) => open === 0,
    "open sessions",
  );
});
