import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { explainModel } from "../../src/cli/explain-file.ts";
import { readCases, runCases } from "../../src/cli/explain-http/cases.ts";
import { formatExplanation } from "../../src/cli/explain-text.ts";
import { formatSummary, summarise } from "../../src/cli/summary.ts";
import { type AskedUrl, askRequest } from "../../src/control/tell/asked-request.ts";
import { guardLines } from "../../src/data/explain/guard-words.ts";
import type { Explanation } from "../../src/model/explanation.ts";
import type { Fault, RateLimit } from "../../src/model/http/guard.ts";
import type { Model } from "../../src/model/model.ts";
import { loadHttp } from "../providers/toml/http/loading.ts";
import { testCertificates } from "../support/certificates.ts";
import { runCommand } from "../support/command.ts";

let model: Model;

before(async () => {
  const { ecdsa } = await testCertificates();
  const loaded = await loadHttp(`
    [listeners.plain]
    bind = "0.0.0.0:80"
    mode = "http"
    https_redirect = {}
    [listeners.web]
    bind = "0.0.0.0:8443"
    mode = "http"
    pool = "site"
    tls = { certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }
    forwarded = { trust = ["10.0.0.0/8"] }
    routes = [{ sni = ["raw.test"], pool = "site", passthrough = true }]
    [routes.api]
    listeners = ["web"]
    path_prefix = "/api"
    methods = ["GET"]
    pools = [{ pool = "api", weight = 9 }, { pool = "site" }]
    rewrite = { path_prefix = "/" }
    hash = ["header:x-user"]
    request_headers = { set = { x-a = "1" } }
    retry = { on = ["429", "500-599"] }
    [routes.admin]
    listeners = ["web"]
    path_prefix = "/admin"
    allow = ["192.0.2.0/24"]
    pool = "site"
    [routes.calls]
    listeners = ["web"]
    grpc = { service = "test.Echo" }
    pool = "calls"
    retry = { on = ["grpc-unavailable"], attempts = 3 }
    timeouts = { request = "2s" }
    [pools.calls]
    http.version = "2"
    discovery = { type = "static", backends = ["127.0.0.1:4"] }
    [pools.site]
    discovery = { type = "static", backends = ["127.0.0.1:1"] }
    [pools.api]
    picker = "consistent-hash"
    discovery = { type = "static", backends = ["127.0.0.1:2", "127.0.0.1:3"] }`);
  // The certificates of the tests are about to expire.
  assert.ok(loaded.model, loaded.lines.join("\n"));
  model = loaded.model;
});

async function ask(
  url: string,
  rest: Partial<AskedUrl> = {},
  options: Record<string, string> = {},
): Promise<Explanation> {
  const asked = { url, method: "GET", headers: [], ...rest };
  const question = askRequest(asked, new URLSearchParams(options), model.listeners);
  if (!question.ok) throw new Error(question.error.message);
  return explainModel(model, question.value);
}

test("a question that a configuration can't answer is told with its file, and that a running umay can be asked", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const file = join(dir.path, "umay.toml");
  writeFileSync(
    file,
    'listeners.a = { bind = "127.0.0.1:1", pool = "p" }\npools.p.discovery = { type = "static", backends = ["127.0.0.1:2"] }',
  );
  const { code, stderr } = await runCommand(["explain", "-c", file, "http://localhost:9980/"]);
  assert.equal(code, 2);
  assert.equal(
    stderr,
    `umay: no listener has mode = "http"\n  this was asked of ${file}; --admin asks a running umay\n`,
  );
});

test("a request is followed through its route to a backend", async () => {
  const headers = ["X-User: 7", "x-forwarded-for: 203.0.113.9, 198.51.100.1"];
  const explanation = await ask("https://localhost:8443/api/x?y=1", { headers }, { client: "10.0.0.9" });
  const { http, pool, served, tls } = explanation;
  assert.ok(served && http !== null && pool !== null);
  assert.equal(tls?.alpn, "h2");
  assert.equal(http.route, "api");
  assert.equal(http.request.client, "198.51.100.1");
  assert.deepEqual(http.changes, ["path /api/x -> /x", "request: set x-a"]);
  assert.deepEqual(http.hashed, { key: "7", by: "header:x-user" });
  assert.equal(pool.name, "api");
  assert.equal(pool.key, "7");
  assert.deepEqual(
    http.rules.map(({ route, verdict }) => [route, verdict]),
    [
      ["calls", "path"],
      ["admin", "path"],
      ["api", "taken"],
    ],
  );
  const text = formatExplanation(explanation, { color: false });
  assert.match(text, /^served by 127\.0\.0\.1:\d of pool api, route api\n/);
  assert.match(text, /client 198\.51\.100\.1: x-forwarded-for, from 10\.0\.0\.9/);
});

test("the same key comes to the same backend, whoever the client is", async () => {
  const backends = await Promise.all(
    ["10.0.0.1", "192.0.2.7"].map(async (client) => {
      const { pool } = await ask("https://localhost/api", { headers: ["x-user: k"] }, { client });
      return pool?.backend;
    }),
  );
  assert.equal(backends[0], backends[1]);
});

test("a request that nobody serves says why, with the status of its answer", async () => {
  const denied = await ask("https://localhost/admin", {}, { client: "198.51.100.1" });
  assert.equal(denied.served, false);
  assert.equal(denied.reason, "denied");
  assert.deepEqual(denied.http?.answer, { status: 403, reason: "denied", location: null });
  assert.equal(denied.http?.access, "in no allow");
  const ambiguous = await ask("https://localhost/x%2F..%2F..%2Fadmin", {}, { client: "192.0.2.1" });
  assert.equal(ambiguous.reason, "ambiguous_path");
  assert.deepEqual(ambiguous.http?.readings.routes, ["web.pool", "admin"]);
  assert.match(formatExplanation(denied, { color: false }), /^not served: denied, the route's allow or deny/);
});

test("a call of gRPC is told of in its own words: its deadline, its retries, the status that its caller gets", async () => {
  const call = (path: string, ...headers: string[]): Promise<Explanation> =>
    ask(`https://localhost${path}`, {
      method: "POST",
      headers: ["content-type: application/grpc", ...headers],
    });
  const long = await call("/test.Echo/Unary", "grpc-timeout: 5S");
  assert.deepEqual(long.http?.call, {
    method: "test.Echo/Unary",
    deadline: "2s, as the route has it, which the backend is told",
    status: null,
  });
  assert.deepEqual(long.http.limits, ["retries 3 on grpc-unavailable", "idle 5m", "body of any size"]);
  const notes = ({ notes }: Explanation): readonly string[] =>
    notes.filter((note) => !note.startsWith("told from"));
  assert.deepEqual(notes(long), []);
  const short = await call("/test.Echo/Unary", "grpc-timeout: 300m");
  assert.equal(short.http?.call?.deadline, "300ms, as its caller says");
  const other = await call("/test.Other/Unary");
  assert.deepEqual([other.http?.route, other.http?.call?.deadline], ["web.pool", null]);
  assert.deepEqual(notes(other), ['pool site speaks HTTP/1.1, and calls of gRPC need http.version = "2"']);
  const denied = await call("/admin");
  assert.deepEqual([denied.http?.answer?.status, denied.http?.call?.status], [403, 7]);
  assert.match(
    formatExplanation(denied, { color: false }),
    /^call +admin of gRPC, without a deadline; answered with grpc-status 7$/m,
  );
  // With another method, or another type, it is none.
  const plain = await ask("https://localhost/test.Echo/Unary", { method: "POST" });
  assert.equal(plain.http?.call, null);
  assert.ok(plain.http.limits.includes("first byte 1m"));
});

test("what no route takes goes to the listener's own pool, or to https", async () => {
  assert.equal((await ask("https://localhost/api", { method: "POST" })).http?.route, "web.pool");
  const { served, http } = await ask("http://a.test/x?y");
  assert.equal(served, true);
  assert.deepEqual(http?.answer, { status: 308, reason: null, location: "https://a.test/x?y" });
});

test("a connection that is passed through never becomes a request", async () => {
  const { http, pool, tls } = await ask("https://raw.test/api");
  assert.equal(http, null);
  assert.equal(tls?.handling, "passed_through");
  assert.equal(pool?.name, "site");
});

for (const [url, rest, said] of [
  ["ftp://x/", {}, /expected a URL/],
  ["https://a b/", {}, /"a b" is no host/],
  ["https://a.test/%zz", {}, /would be answered with 400: bad_percent/],
  ["https://a.test/../..", {}, /above_root/],
  ["https://a.test/", { headers: ["nonsense"] }, /expected a header field/],
  ["https://a.test/", { method: "G T" }, /is no method/],
] as const)
  test(`${url} with ${JSON.stringify(rest)} is told to be no request`, () => {
    const question = askRequest(
      { url, method: "GET", headers: [], ...rest },
      new URLSearchParams(),
      model.listeners,
    );
    assert.ok(!question.ok);
    assert.match(question.error.message, said);
  });

test("cases that are as expected are counted, others told with what became of them", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-cases-"));
  const file = join(folder.path, "routes.tests.toml");
  writeFileSync(
    file,
    `[[cases]]
url = "https://localhost/api/x"
route = "api"
[[cases]]
url = "https://localhost/api/x"
method = "POST"
route = "api"
[[cases]]
url = "http://localhost/"
route = "plain.https_redirect"
status = 301
[[cases]]
url = "https://localhost/admin"
client = "192.0.2.9"
route = "admin"
`,
  );
  assert.deepEqual(await runCases(model, await readCases(file)), {
    count: 4,
    differences: [
      "case 2, POST https://localhost/api/x: expected route api, got route web.pool",
      "case 3, GET http://localhost/: expected an answer with 301, got 308",
    ],
  });
  writeFileSync(file, "[[cases]]\nurl = 1\n");
  await assert.rejects(readCases(file), /cases\.0\.url/);
});

test("a summary has the rules in the order in which they are asked", () => {
  const text = formatSummary(summarise(model));
  assert.match(
    text,
    /routes of web, the first that matches wins\n.*\n +any host: prefix \/admin to pool site \(route admin\)\n +any host: prefix \/api, GET to pools api \(9\), site \(1\) \(route api\)/,
  );
  assert.match(text, /listener web: http on 0\.0\.0\.0:8443, .*, to routes, else pool site/);
});

test("statuses next to each other are told as a range", async () => {
  const { http } = await ask("https://localhost:8443/api/x");
  assert.match(http!.limits.join(), /retries 2 on 429, 500-599,/);
});

test("an injected fault is told with its chances, and with what requests may ask for", () => {
  const fault = { kind: "fault", name: "f", when: { kind: "any" } } as const;
  const share = { percent: 5, unit: 1 };
  const told = (more: Partial<Fault>): string[] => guardLines([[{ ...fault, ...more }]], () => undefined);
  assert.deepEqual(
    told({ delay: { ...share, time: 250 }, abort: { ...share, answer: { status: 503 } }, most: 7 }),
    ["f: holds up 5 % of the requests for 250ms, answers 5 % of the requests with 503, 7 at a time"],
  );
  assert.deepEqual(
    told({
      delay: { ...share, time: "field" },
      abort: { ...share, answer: "field" },
      when: { kind: "all", of: [] },
    }),
    [
      "f: holds up 5 % of the requests for as long as they ask, answers 5 % of the requests as they ask, only where its condition holds",
    ],
  );
});

test("a limit that does not tell clients apart is for all together", () => {
  const limit = {
    kind: "rate-limit",
    name: "l",
    rate: { requests: 10, period: 1_000 },
    burst: 20,
    concurrent: undefined,
    keys: 1,
    fields: "never",
  } as const;
  const told = (key: RateLimit["key"]): string[] => guardLines([[{ ...limit, key }]], () => undefined);
  assert.deepEqual(told([[]]), ["l: 10 in 1s, 20 at once, for all together"]);
  assert.deepEqual(told([[{ kind: "client-ip", v4: 32, v6: 64 }]]), [
    "l: 10 in 1s, 20 at once, for each client-ip",
  ]);
  const rate = { rate: { requests: 100, period: 1_000 }, burst: 100, name: "x", cost: 1 };
  const parts = [{ kind: "header", name: "x-tier", is: "gold" }, { kind: "user" }] as const;
  assert.deepEqual(
    guardLines([[{ ...limit, key: [[]], rates: [[{ ...rate, key: parts }]] }]], () => undefined),
    [
      "l: 10 in 1s, 20 at once, for all together, unless another rate counts; 100 in 1s, 100 at once, for each header:x-tier=gold+user",
    ],
  );
});
