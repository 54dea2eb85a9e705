import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { HttpServe } from "../../../../src/model/http/front.ts";
import { idempotentMethods, safeRetries } from "../../../../src/model/http/retry.ts";
import { type HttpRoute, routesOf } from "../../../../src/model/http/route.ts";
import type { Model } from "../../../../src/model/model.ts";
import { base, httpModel, loadHttp } from "./loading.ts";

/** As a text has it. */
const variable = (name: string): string => `\${${name}}`;

const usesB = '[routes.b]\npath = "/b"\npool = "b"\n';

function serveOf({ listeners }: Model, name: string): HttpServe {
  const serve = listeners.find((listener) => listener.name === name)!.chains.at(-1)!.serve;
  assert.ok(serve.kind === "http");
  return serve;
}

function routeOf({ routeTables }: Model, name: string): HttpRoute {
  return routeTables.flatMap((table) => [...routesOf(table)]).find((route) => route.name === name)!;
}

test("mode and pool are a whole configuration, with every default filled in", async () => {
  const model = await httpModel(`${base}${usesB}`);
  const { fallback, front, routes } = serveOf(model, "web");
  assert.equal(routes, "web");
  assert.equal(fallback?.name, "web.pool");
  assert.deepEqual(fallback?.action, { kind: "pools", to: [{ pool: "a", weight: 1 }] });
  assert.deepEqual(fallback?.timeouts, {
    firstByte: 60_000,
    try: undefined,
    request: undefined,
    idle: undefined,
  });
  assert.deepEqual(fallback?.retry, safeRetries);
  assert.deepEqual(front.limits, {
    requestHead: 32_768,
    fields: 128,
    target: 8_192,
    body: 0,
    response: 0,
    minBodyRate: 0,
    requests: 0,
  });
  assert.deepEqual(front.timeouts, {
    requestHeader: 10_000,
    bodyIdle: 60_000,
    keepAlive: 75_000,
    idle: 300_000,
    upgradedIdle: 3_600_000,
  });
  assert.equal(front.maxRequests, 10_000);
  assert.deepEqual(front.forwarded, {
    trust: [],
    read: "x-forwarded-for",
    write: ["x-forwarded"],
    requestId: "x-request-id",
  });
});

test("listeners with the same routes share a table, others have their own; a change of a route changes only those", async () => {
  const three = ["one", "two", "three"].map(
    (name, index) => `[listeners.${name}]\nbind = "127.0.0.1:${index + 1}"\nmode = "http"\npool = "a"\n`,
  );
  const pools = base.slice(base.indexOf("[pools.a]"));
  const text = (path: string): string =>
    `${three.join("")}${pools}[routes.all]\npath = "/all"\npool = "b"\n[routes.own]\nlisteners = ["three"]\npath = "${path}"\npool = "b"\n`;
  const before = await httpModel(text("/own"));
  assert.deepEqual(
    before.routeTables.map(({ name }) => name),
    ["one", "three"],
  );
  assert.deepEqual(
    ["one", "two", "three"].map((name) => serveOf(before, name).routes),
    ["one", "one", "three"],
  );
  const after = await httpModel(text("/other"));
  assert.deepEqual(after.listeners, before.listeners);
  assert.deepEqual(after.routeTables[0], before.routeTables[0]);
  assert.notDeepEqual(after.routeTables[1], before.routeTables[1]);
});

test("hosts in Unicode become A-labels, paths their normal form, and names of fields lower case", async () => {
  const model = await httpModel(
    `${base}[routes.x]\nhosts = ["Bücher.example", "*.Example.com.", "::1"]\npath_prefix = "/%7euser/./a%2fb/"\nheaders = { X-Client = "é" }\npool = "b"\n`,
  );
  const [table] = model.routeTables;
  assert.deepEqual(
    table!.hosts.map(({ name }) => name),
    ["xn--bcher-kva.example", "*.example.com", "[::1]"],
  );
  const [{ match } = { match: undefined }] = table!.hosts[0]!.rules;
  assert.deepEqual(match?.path, { kind: "prefix", value: "/~user/a%2Fb", ignoreCase: false });
  assert.deepEqual(match?.headers, [
    { name: "x-client", test: { kind: "exact", value: "\u00c3\u00a9", ignoreCase: false }, not: false },
  ]);
});

test("the grpc form is a path, a method and a type of content", async () => {
  const model = await httpModel(
    `${base}[routes.chat]\nmatch = [{ grpc = { service = "chat.v1.Chat" } }, { grpc = { service = "h.Health", method = "Check" } }]\npool = "b"\n[pools.b.http]\nversion = "2"\n`,
  );
  const rules = model.routeTables[0]!.hosts[0]!.rules;
  assert.deepEqual(
    rules.map(({ match }) => [match.path?.kind, match.path?.value, match.methods, match.headers[0]?.name]),
    [
      ["exact", "/h.Health/Check", ["POST"], "content-type"],
      ["prefix", "/chat.v1.Chat", ["POST"], "content-type"],
    ],
  );
});

test("present = false and not mean the same, and their product its opposite", async () => {
  const value = async (text: string): Promise<boolean> => {
    const model = await httpModel(`${base}[routes.x]\npath = "/x"\nquery = { k = ${text} }\npool = "b"\n`);
    return model.routeTables[0]!.hosts[0]!.rules[0]!.match.query[0]!.not;
  };
  assert.equal(await value("{ present = true }"), false);
  assert.equal(await value("{ present = false }"), true);
  assert.equal(await value("{ present = true, not = true }"), true);
  assert.equal(await value("{ present = false, not = true }"), false);
});

test("variables stay in the texts that take them; the environment is filled in, and what it says is no variable", async () => {
  const text = `${base}[routes.x]\npath = "/x"\npool = "b"\n[routes.x.request_headers.set]\nX-A = "\${WHO}@\${client.ip} $$\${route} \${request.header.X-User}"\nx-b = "$\${client.ip}"\n`;
  const model = await httpModel(text, { WHO: variable("tls.sni") });
  assert.deepEqual(routeOf(model, "x").requestFields.set, {
    "x-a": [
      `${variable("tls.sni")}@`,
      { variable: "client.ip" },
      " $",
      { variable: "route" },
      " ",
      { header: "x-user" },
    ],
    "x-b": [variable("client.ip")],
  });
});

test("in other texts a dotted name is an error, and so is an environment variable that is not set", async () => {
  const other = await loadHttp(`${base}[routes.x]\npath = "/\${client.ip}"\npool = "b"\n`);
  assert.match(other.lines.join("\n"), /can't read \$\{client\.ip\}/);
  const unset = await loadHttp(
    `${base}[routes.x]\npool = "b"\nresponse_headers = { add = { x-a = "\${NONE}" } }\n`,
  );
  assert.match(unset.lines.join("\n"), /the environment variable NONE is not set/);
});

test("files of answers are read with a bound", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-pages-"));
  writeFileSync(join(folder.path, "404.html"), "<h1>none</h1>");
  writeFileSync(join(folder.path, "big.html"), Buffer.alloc(65_537));
  const text = (file: string): string =>
    `${base}${usesB}[listeners.web.errors]\n"400-499" = { file = "404.html" }\n"404" = { file = "${file}", type = "text/plain" }\n`;
  const good = await loadHttp(text("404.html"), {}, folder.path);
  const pages = serveOf(good.model!, "web").front.errors;
  assert.deepEqual(
    pages.map(({ from, to, content }) => [from, to, content.type, Buffer.from(content.bytes).toString()]),
    [
      [404, 404, "text/plain", "<h1>none</h1>"],
      [400, 499, "text/html; charset=utf-8", "<h1>none</h1>"],
    ],
  );
  const bad = await loadHttp(text("big.html"), {}, folder.path);
  assert.match(bad.lines.join("\n"), /errors\.404\.file: .*big\.html holds more than 65536 bytes/);
});

test("routes of layer 4 come before HTTP", async () => {
  const model = await httpModel(
    `${base}${usesB}`.replace(
      'pool = "a"',
      'pool = "a"\nroutes = [{ sni = ["legacy.test"], pool = "b", passthrough = true }]',
    ),
  );
  assert.deepEqual(
    model.listeners[0]!.chains.map(({ name, serve, tls }) => [name, serve.kind, tls]),
    [
      ["routes[0]", "relay", "passthrough"],
      ["pool", "http", undefined],
    ],
  );
});

test("what a client of HTTP/2 may cost is said in a table, and a listener speaks both versions", async () => {
  const usual = serveOf(await httpModel(`${base}${usesB}`), "web").front;
  assert.deepEqual(usual.versions, ["2", "1.1"]);
  assert.deepEqual(usual.http2, {
    streams: 100,
    streamWindow: 65_536,
    connectionWindow: 1_048_576,
    headerTable: 4_096,
    ping: undefined,
    resets: { burst: 100, perSecond: 10 },
    glitches: 1_000,
  });
  const tables = `[listeners.web.http]
versions = ["2"]
[listeners.web.http2]
max_streams = 7
stream_window = "32KiB"
connection_window = "128KiB"
resets = { burst = 3, rate = "30/m" }
glitches = 9
`;
  const { versions, http2 } = serveOf(await httpModel(`${base}${tables}${usesB}`), "web").front;
  assert.deepEqual(versions, ["2"]);
  assert.deepEqual(http2, {
    streams: 7,
    streamWindow: 32_768,
    connectionWindow: 131_072,
    headerTable: 4_096,
    ping: undefined,
    resets: { burst: 3, perSecond: 0.5 },
    glitches: 9,
  });
});

test("retry = {} does something: it adds what may be lost, and 502, 503 and 504, for idempotent methods", async () => {
  const model = await httpModel(`${base}[routes.b]\npath = "/b"\npool = "b"\nretry = {}\n`);
  assert.deepEqual(routeOf(model, "b").retry, {
    attempts: 2,
    on: ["connect-failed", "refused-stream", "reused-reset", "reset", "try-timeout"],
    statuses: [502, 503, 504],
    methods: idempotentMethods,
    buffer: 65_536,
    backoff: { base: 25, max: 250 },
  });
  const text =
    'retry = { on = ["429", "connect-failed", "429"], methods = ["POST"], attempts = 1, buffer = "1KiB" }';
  const own = await httpModel(`${base}[routes.b]\npath = "/b"\npool = "b"\n${text}\n`);
  const { on, statuses, methods } = routeOf(own, "b").retry;
  assert.deepEqual([on, statuses, methods], [["connect-failed"], [429], ["POST"]]);
  const range = text.replace('"429", ', '"502-504", "503", ');
  const ranged = await httpModel(`${base}[routes.b]\npath = "/b"\npool = "b"\n${range}\n`);
  assert.deepEqual(routeOf(ranged, "b").retry.statuses, [502, 503, 504, 429]);
});

test("a listener that redirects to https has the routes that name it, and no others", async () => {
  const plain = '[listeners.plain]\nbind = "127.0.0.1:1"\nmode = "http"\nhttps_redirect = { port = 8080 }\n';
  const routes =
    '[routes.b]\npath = "/b"\npool = "b"\n[routes.own]\nlisteners = ["plain"]\npath = "/own"\npool = "b"\n';
  const { model, lines } = await loadHttp(`${base}${plain}${routes}`);
  assert.ok(model, lines.join("\n"));
  const of = (listener: string): string[] => {
    const table = model.routeTables.find(({ name }) => name === serveOf(model, listener).routes)!;
    return [...routesOf(table)].map(({ name }) => name);
  };
  assert.deepEqual(of("plain"), ["own"]);
  assert.deepEqual(of("web"), ["b"]);
});
