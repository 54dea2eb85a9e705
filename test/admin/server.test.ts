import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { Agent, get, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { type AdminServer, type AdminState, startAdmin } from "../../src/admin/server.ts";
import type { SocketAddress } from "../../src/lib/address.ts";
import { patient } from "../support/patience.ts";

const loopback: SocketAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

interface Started {
  readonly admin: AdminServer;
  readonly failures: Error[];
}

async function start(
  context: TestContext,
  state: Partial<AdminState> = {},
  address = loopback,
  replace = false,
): Promise<Started> {
  const failures: Error[] = [];
  const admin = await startAdmin(
    address,
    {
      ready: () => ({ ready: true }),
      metrics: async (accept) => ({ contentType: "text/x-test", body: `accept ${accept}\n` }),
      history: () => ({ connections: [] }),
      status: () => ({ state: "ready" }),
      config: async () => ({ values: [{ key: "workers" }] }),
      explain: async (query) => ({ status: query.has("listener") ? 200 : 400, body: { asked: [...query] } }),
      sessions: async (query) => ({ status: 200, body: { listed: [...query] } }),
      drain: () => ({ status: 200, body: { drains: "all" } }),
      drainBackend: (...what) => ({ status: 200, body: { drains: [...what] } }),
      undrainBackend: (...what) => ({ status: 200, body: { undrains: what } }),
      kill: async (session) => ({ status: 200, body: { kills: session } }),
      takeOver: async () => ({ status: 200, body: { door: "open" } }),
      upgrade: async () => ({ status: 200, body: { pid: 2, drains: 1 } }),
      reload: async (dryRun) => ({ status: 200, body: { reloads: { dryRun } } }),
      failed: (error) => failures.push(error),
      ...state,
    },
    "look",
    replace,
  );
  context.after(() => admin.close());
  return { admin, failures };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly agent?: Agent | false;
}

const reached = ({ address }: Pick<AdminServer, "address">) =>
  address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };

async function ask({ address }: AdminServer, path: string, options: Ask = {}): Promise<Answer> {
  const outgoing = request({ ...reached({ address }), path, agent: false, ...options }).end();
  const [response] = await once(outgoing, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** A connection that says what the test wants, and what came back until it was closed. */
function rawClient(
  context: TestContext,
  { address }: AdminServer,
): { socket: Socket; closed: Promise<string> } {
  assert.ok(address.kind === "tcp");
  const socket = connect(address.port, address.host);
  context.after(() => socket.destroy());
  let received = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    received += part;
  });
  socket.on("error", () => {});
  return { socket, closed: once(socket, "close").then(() => received) };
}

/** @returns undefined where there is no place yet. */
async function probe(admin: AdminServer): Promise<number | undefined> {
  return ask(admin, "/livez").then(
    ({ status }) => status,
    () => undefined,
  );
}

test("a process that answers is alive", async (context) => {
  const { admin } = await start(context, { ready: () => ({ ready: false, reason: "draining" }) });
  const { status, body } = await ask(admin, "/livez");
  assert.deepEqual({ status, body }, { status: 200, body: "ok\n" });
});

test("readiness is asked for anew each time, and the reason is one line of text, or JSON for those who ask", async (context) => {
  let readiness: ReturnType<AdminState["ready"]> = { ready: false, reason: "pool echo has no backend yet" };
  const { admin } = await start(context, { ready: () => readiness });
  const no = await ask(admin, "/readyz");
  assert.deepEqual([no.status, no.body], [503, "pool echo has no backend yet\n"]);
  const json = { headers: { accept: "application/json" } };
  const noJson = await ask(admin, "/readyz", json);
  assert.deepEqual([noJson.status, JSON.parse(noJson.body)], [503, readiness]);
  readiness = { ready: true };
  const yes = await ask(admin, "/readyz");
  assert.deepEqual([yes.status, yes.body], [200, "ready\n"]);
  const yesJson = await ask(admin, "/readyz", json);
  assert.deepEqual([yesJson.status, JSON.parse(yesJson.body)], [200, { ready: true }]);
});

test("metrics are served in the format that the client accepts", async (context) => {
  const { admin } = await start(context);
  const { status, headers, body } = await ask(admin, "/metrics?format=x", {
    headers: { accept: "a/b;q=0.5" },
  });
  assert.deepEqual([status, headers["content-type"], body], [200, "text/x-test", "accept a/b;q=0.5\n"]);
  assert.equal((await ask(admin, "/metrics")).body, "accept \n");
});

test("the status is JSON, also when it takes time", async (context) => {
  const { admin } = await start(context, { status: async () => ({ pools: { echo: 1 } }) });
  const { status, headers, body } = await ask(admin, "/status");
  assert.deepEqual([status, headers["content-type"]], [200, "application/json; charset=utf-8"]);
  assert.deepEqual(JSON.parse(body), { pools: { echo: 1 } });
});

test("the configuration is JSON", async (context) => {
  const { admin } = await start(context);
  assert.deepEqual(JSON.parse((await ask(admin, "/config")).body), { values: [{ key: "workers" }] });
});

test("a reload says how it went, and is only tried where that is asked for", async (context) => {
  const { admin } = await start(context);
  const reload = async (path: string): Promise<unknown> =>
    JSON.parse((await ask(admin, path, { method: "POST" })).body);
  assert.deepEqual(await reload("/reload"), { reloads: { dryRun: false } });
  assert.deepEqual(await reload("/reload?dry_run=true"), { reloads: { dryRun: true } });
  assert.equal((await ask(admin, "/reload?dry_run=yes", { method: "POST" })).status, 400);
});

test("sessions are listed by a query, and one is ended by its id alone, with POST", async (context) => {
  const { admin } = await start(context);
  const { body } = await ask(admin, "/sessions?client=10.0.0.0%2F8");
  assert.deepEqual(JSON.parse(body), { listed: [["client", "10.0.0.0/8"]] });
  const killed = await ask(admin, "/sessions/3fa9c1-1z/kill", { method: "POST" });
  assert.deepEqual(JSON.parse(killed.body), { kills: "3fa9c1-1z" });
  assert.equal((await ask(admin, "/sessions/3fa9c1-1z/kill")).status, 405);
  assert.equal((await ask(admin, "/sessions/kill", { method: "POST" })).status, 404);
});

test("what explain is asked comes decoded, and its answer goes out as JSON with its status", async (context) => {
  const { admin } = await start(context);
  const good = await ask(admin, "/explain?listener=a%20b&alpn=h2&alpn=mqtt");
  assert.deepEqual([good.status, good.headers["content-type"]], [200, "application/json; charset=utf-8"]);
  const asked = [
    ["listener", "a b"],
    ["alpn", "h2"],
    ["alpn", "mqtt"],
  ];
  assert.deepEqual(JSON.parse(good.body), { asked });
  assert.equal((await ask(admin, "/explain")).status, 400);
});

test("HEAD gives the headers of GET without the body, and nothing is to be stored", async (context) => {
  const { admin } = await start(context);
  for (const path of [
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/status",
    "/history",
    "/config",
    "/explain",
    "/sessions",
  ]) {
    const get = await ask(admin, path);
    const head = await ask(admin, path, { method: "HEAD" });
    assert.equal(head.body, "");
    const { date: _, ...headers } = head.headers;
    const { date: __, ...expected } = get.headers;
    assert.deepEqual(headers, expected);
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(Number(headers["content-length"]), Buffer.byteLength(get.body));
  }
});

test("an unknown path is answered with the ones there are", async (context) => {
  const { admin } = await start(context);
  for (const path of ["/livez/", "/metric", "//", "/dashboard.html"]) {
    const { status, body } = await ask(admin, path);
    assert.equal(status, 404);
    assert.ok(
      body.includes(
        "\n/\n/livez\n/readyz\n/metrics\n/status\n/history\n/config\n/explain\n/sessions\nPOST /drain\n",
      ),
      body,
    );
  }
});

test("another method is answered with those that are allowed, and a body is not waited for", async (context) => {
  const { admin } = await start(context);
  const { socket, closed } = rawClient(context, admin);
  socket.write("POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nbegin");
  assert.match(await closed, /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD\r\n/);
});

test("what changes something is asked for with POST, a backend is named in the path, and the answer is JSON", async (context) => {
  const { admin } = await start(context);
  const post = async (path: string): Promise<unknown> => {
    const { status, headers, body } = await ask(admin, path, { method: "POST" });
    assert.equal(headers["content-type"], "application/json; charset=utf-8");
    return [status, JSON.parse(body)];
  };
  assert.deepEqual(await post("/drain"), [200, { drains: "all" }]);
  assert.deepEqual(await post("/pools/api/backends/10.0.0.5:80/drain?deadline=30s"), [
    200,
    { drains: ["api", "10.0.0.5:80", "30s", false] },
  ]);
  assert.deepEqual(await post("/pools/api/backends/unix:%2Frun%2Fa%20b.sock/drain?force=true"), [
    200,
    { drains: ["api", "unix:/run/a b.sock", null, true] },
  ]);
  assert.deepEqual(await post("/pools/api/backends/%5B::1%5D:80/undrain"), [
    200,
    { undrains: ["api", "[::1]:80"] },
  ]);
  assert.deepEqual(await post("/pools/api/backends/%zz/undrain"), [200, { undrains: ["api", "%zz"] }]);
});

test("a mistake in what is asked for changes nothing", async (context) => {
  let changes = 0;
  const change = (): { status: 200; body: object } => {
    changes++;
    return { status: 200, body: {} };
  };
  const { admin } = await start(context, { drain: change, drainBackend: change, undrainBackend: change });
  const backend = "/pools/api/backends/10.0.0.5:80";
  const wrong: [path: string, options: Ask, status: number, says: RegExp][] = [
    ["/drain?pool=api", { method: "POST" }, 400, /no parameter pool; there is none/],
    [
      `${backend}/drain?dead-line=1s`,
      { method: "POST" },
      400,
      /no parameter dead-line; there is deadline, force/,
    ],
    [`${backend}/undrain?deadline=1s`, { method: "POST" }, 400, /no parameter deadline/],
    ["/drain/", { method: "POST" }, 404, /There is no \/drain\/ here/],
    [`${backend}:80/drain/it`, { method: "POST" }, 404, /There is no /],
    ["/drain", { method: "GET" }, 405, /only answers POST/],
    ["/drain", { method: "PUT" }, 405, /only answers POST/],
    [`${backend}/drain`, { method: "POST", headers: { "content-length": "1" } }, 400, /takes no body/],
    [`${backend}/drain`, { method: "POST", headers: { "transfer-encoding": "chunked" } }, 400, /no body/],
  ];
  for (const [path, options, status, says] of wrong) {
    const answer = await ask(admin, path, options);
    assert.deepEqual([path, answer.status], [path, status]);
    assert.match(answer.body, says);
  }
  assert.equal(changes, 0);
});

test("a foreign host or origin is refused, whatever is asked for", async (context) => {
  let changes = 0;
  const drain = (): { status: 200; body: object } => {
    changes++;
    return { status: 200, body: {} };
  };
  const { admin } = await start(context, { drain });
  for (const headers of [{ host: "evil.example:9901" }, { origin: "http://evil.example" }])
    for (const [path, method] of [
      ["/drain", "POST"],
      ["/status", "GET"],
      ["/nothing", "GET"],
    ] as const) {
      const { status, body } = await ask(admin, path, { method, headers: { ...headers } });
      assert.equal(status, 403);
      assert.match(body, /evil\.example/);
    }
  assert.equal(changes, 0);
});

test("an answer that fails is a 500 with the reason, is told, and the next one works", async (context) => {
  const errors = [new Error("async"), new Error("sync"), new Error("not ready to say")];
  const { admin, failures } = await start(context, {
    metrics: () => Promise.reject(errors[0]),
    status: () => {
      throw errors[1];
    },
    ready: () => {
      throw errors[2];
    },
  });
  for (const [index, path] of ["/metrics", "/status", "/readyz"].entries()) {
    const { status, body } = await ask(admin, path);
    assert.deepEqual([status, body], [500, `${errors[index]!.message}\n`]);
  }
  assert.deepEqual(failures, errors);
  assert.equal((await ask(admin, "/livez")).status, 200);
});

test("garbage, a huge header and a client that resets hurt nobody", async (context) => {
  const { admin, failures } = await start(context);
  const garbage = rawClient(context, admin);
  garbage.socket.write("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
  assert.match(await garbage.closed, /^HTTP\/1\.1 400 /);
  const huge = rawClient(context, admin);
  huge.socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(10_000)}\r\n\r\n`);
  assert.match(await huge.closed, /^HTTP\/1\.1 431 /);
  const reset = rawClient(context, admin);
  await once(reset.socket, "connect");
  reset.socket.write("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\nGET /sta");
  reset.socket.resetAndDestroy();
  await reset.closed;
  assert.equal((await ask(admin, "/livez")).status, 200);
  assert.deepEqual(failures, []);
});

test("one connection is good for any number of requests, one after the other", async (context) => {
  const body = "x".repeat(1_000_000);
  const { admin } = await start(context, { metrics: async () => ({ contentType: "text/plain", body }) });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  context.after(() => agent.destroy());
  for (let round = 0; round < 50; round++)
    assert.equal((await ask(admin, "/metrics", { agent })).body.length, body.length);
});

/** An answer of metrics that would go on for long. */
function longMetrics() {
  const seen = { pieces: 0, isOver: false };
  async function* body(): AsyncGenerator<string> {
    try {
      for (; seen.pieces < 2_000; seen.pieces++) yield "x".repeat(65_536);
    } finally {
      seen.isOver = true;
    }
  }
  return { seen, metrics: async () => ({ contentType: "text/plain", body: body() }) };
}

test("a long answer is made no faster than its client reads, and no longer than it is there", async (context) => {
  const { seen, metrics } = longMetrics();
  const { admin, failures } = await start(context, { metrics });
  const { socket, closed } = rawClient(context, admin);
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  socket.pause();
  for (let before = -1; before !== seen.pieces; await sleep(50)) before = seen.pieces;
  assert.ok(seen.pieces < 400, `${seen.pieces} pieces`);
  socket.destroy();
  await closed;
  while (!seen.isOver) await sleep(1);
  assert.ok(seen.pieces < 400, `${seen.pieces} pieces`);
  assert.deepEqual(failures, []);
});

test("HEAD of a long answer makes the begin of it alone", async (context) => {
  const { seen, metrics } = longMetrics();
  const { admin } = await start(context, { metrics });
  const { status, headers, body } = await ask(admin, "/metrics", { method: "HEAD" });
  assert.deepEqual([status, headers["content-length"], body], [200, undefined, ""]);
  while (!seen.isOver) await sleep(1);
  assert.equal(seen.pieces, 1);
});

test("an answer of more than a packet is compressed for those who take gzip", async (context) => {
  const long = "umay_backend_up 1\n".repeat(10_000);
  async function* inTwo(): AsyncGenerator<string> {
    yield long.slice(0, 100_000);
    yield long.slice(100_000);
  }
  const bodies = [() => long, inTwo];
  for (const body of bodies) {
    const { admin } = await start(context, {
      metrics: async () => ({ contentType: "text/plain", body: body() }),
    });
    for (const coding of ["gzip", "deflate, GZIP;q=0.5", "br;q=1.0, gzip ; q=0.1"]) {
      const [response] = await once(
        get({ ...reached(admin), path: "/metrics", agent: false, headers: { "accept-encoding": coding } }),
        "response",
      );
      assert.deepEqual(
        [response.headers["content-encoding"], response.headers.vary],
        ["gzip", "Accept-Encoding"],
      );
      const bytes = await buffer(response);
      assert.ok(bytes.length < long.length / 10);
      assert.equal(gunzipSync(bytes).toString(), long);
    }
    for (const coding of ["", "identity", "gzip;q=0", "br"]) {
      const { headers, body: plain } = await ask(admin, "/metrics", {
        headers: { "accept-encoding": coding },
      });
      assert.deepEqual([headers["content-encoding"], plain === long], [undefined, true]);
    }
  }
  const { admin } = await start(context);
  const { headers } = await ask(admin, "/livez", { headers: { "accept-encoding": "gzip" } });
  assert.equal(headers["content-encoding"], undefined);
});

test("a client that leaves before its answer has begun is no fault, and ends what is made for it", async (context) => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  async function* body(): AsyncGenerator<string> {
    try {
      asked.resolve();
      await gone.promise;
      for (;;) yield "x";
    } finally {
      over.resolve();
    }
  }
  const { admin, failures } = await start(context, {
    metrics: async () => ({ contentType: "text/plain", body: body() }),
  });
  const { socket, closed } = rawClient(context, admin);
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked.promise;
  socket.destroy();
  await closed;
  // The server has heard of that before this one's answers.
  for (let round = 0; round < 2; round++) await ask(admin, "/livez");
  gone.resolve();
  await over.promise;
  assert.deepEqual(failures, []);
});

test("an answer that fails on its way is cut off, and is told", async (context) => {
  const error = new Error("no more");
  async function* body(): AsyncGenerator<string> {
    yield "a";
    yield "b";
    throw error;
  }
  const { admin, failures } = await start(context, {
    metrics: async () => ({ contentType: "text/plain", body: body() }),
  });
  await assert.rejects(ask(admin, "/metrics"), { code: "ECONNRESET" });
  assert.deepEqual(failures, [error]);
});

test("a client that asks for hundreds of answers at once is cut off before they are made", async (context) => {
  let made = 0;
  const { admin } = await start(context, {
    metrics: async () => {
      made++;
      return { contentType: "text/plain", body: "" };
    },
  });
  const { socket, closed } = rawClient(context, admin);
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(500));
  await closed;
  assert.equal(made, 1);
});

test("a client that sends its header too slowly is cut off", {
  timeout: patient(20_000),
}, async (context) => {
  const { admin } = await start(context);
  const { socket, closed } = rawClient(context, admin);
  const began = performance.now();
  socket.write("GET /livez HTTP/1.1\r\n");
  const drip = setInterval(() => socket.write("X: x\r\n"), 500);
  context.after(() => clearInterval(drip));
  assert.match(await closed, /^HTTP\/1\.1 408 /);
  const took = performance.now() - began;
  assert.ok(took > 4_000 && took < patient(12_000), `${took} ms`);
});

test("80 clients of this machine that have asked keep their places; when one leaves the next one is served", async (context) => {
  const status = Promise.withResolvers<object>();
  let asked = 0;
  const all = Promise.withResolvers<void>();
  const { admin } = await start(context, {
    status: () => {
      if (++asked === 80) all.resolve();
      return status.promise;
    },
  });
  const clients = Array.from({ length: 80 }, () => rawClient(context, admin));
  for (const { socket } of clients) socket.write("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await all.promise;
  const refused = rawClient(context, admin);
  assert.equal(await refused.closed, "");
  clients[0]!.socket.destroy();
  await clients[0]!.closed;
  while ((await probe(admin)) === undefined);
  status.resolve({});
});

test("clients that connect and send no request never keep a probe out", async (context) => {
  const { admin } = await start(context);
  const slow = Array.from({ length: 300 }, () => rawClient(context, admin));
  await Promise.all(slow.map(({ socket }) => once(socket, "connect")));
  for (const { socket } of slow) socket.write("GET /livez HTTP/1.1\r\n");
  for (let round = 0; round < 20; round++) {
    slow.push(...Array.from({ length: 10 }, () => rawClient(context, admin)));
    assert.equal((await ask(admin, "/livez")).status, 200);
  }
});

test("an answer that takes longer than a client may be idle still arrives", {
  timeout: 60_000,
}, async (context) => {
  const { admin } = await start(context, {
    reload: async () => {
      await sleep(11_000);
      return { status: 422, body: { error: "not every worker serves it within 10 s" } };
    },
  });
  assert.equal((await ask(admin, "/reload", { method: "POST" })).status, 422);
});

test("closing ends idle connections at once and lets an answer that is under way get through", async (context) => {
  const status = Promise.withResolvers<object>();
  const asked = Promise.withResolvers<void>();
  const { admin } = await start(context, {
    status: () => {
      asked.resolve();
      return status.promise;
    },
  });
  const agent = new Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  await ask(admin, "/livez", { agent });
  const answer = ask(admin, "/status");
  await asked.promise;
  const began = performance.now();
  const closed = admin.close();
  status.resolve({ last: "words" });
  assert.deepEqual(JSON.parse((await answer).body), { last: "words" });
  await closed;
  assert.ok(performance.now() - began < patient(900));
  await assert.rejects(ask(admin, "/livez"), { code: "ECONNREFUSED" });
});

test("closing waits a second at most for an answer that does not come and for a client that says nothing", async (context) => {
  const asked = Promise.withResolvers<void>();
  const { admin } = await start(context, {
    status: () => {
      asked.resolve();
      return new Promise<object>(() => {});
    },
  });
  const silent = rawClient(context, admin);
  const waiting = rawClient(context, admin);
  waiting.socket.write("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked.promise;
  const began = performance.now();
  await admin.close();
  assert.ok(performance.now() - began < patient(5_000));
  assert.deepEqual(await Promise.all([silent.closed, waiting.closed]), ["", ""]);
});

test("an address that is taken is an error that names admin, the address and the way out", async (context) => {
  const { admin } = await start(context);
  assert.ok(admin.address.kind === "tcp");
  const { port } = admin.address;
  await assert.rejects(start(context, {}, admin.address), {
    message: `admin cannot listen on 127.0.0.1:${port}: the port is in use; 'ss -ltnp sport = :${port}' shows by whom (EADDRINUSE)`,
  });
});

test("a unix socket is for its owner alone, and goes with the server", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "umay-admin-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "admin.sock");
  const { admin } = await start(context, {}, { kind: "unix", path });
  assert.deepEqual(admin.address, { kind: "unix", path });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal((await ask(admin, "/livez")).status, 200);
  await admin.close();
  assert.ok(!existsSync(path));
});

test("one that takes over has the path of a unix socket at once, and the other one leaves it", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "umay-admin-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const address = { kind: "unix", path: join(folder, "admin.sock") } as const;
  const reasons = ["old", "new"].map((reason) => ({ ready: () => ({ ready: false, reason }) as const }));
  const { admin: old } = await start(context, reasons[0], address);
  await assert.rejects(start(context, reasons[1], address), /another process serves this socket/);
  const { admin } = await start(context, reasons[1], address, true);
  assert.equal((await ask(admin, "/readyz")).body, "new\n");
  await old.close();
  assert.equal((await ask(admin, "/readyz")).body, "new\n");
  assert.equal(statSync(address.path).mode & 0o777, 0o600);
});
