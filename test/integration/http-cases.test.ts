import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { EchoingBackend } from "../support/echoing-backend.ts";
import { HttpClient, type Received } from "../support/http-client.ts";
import { becomes } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

/*
 * The rules of HTTP/1.1, case by case, through the built program. The numbers are those of docs/http-cases.md, which
 * says where each of them is shown.
 */

const stack = new AsyncDisposableStack();
let backend: EchoingBackend;
let umay: RunningUmay;

before(async () => {
  backend = stack.use(await EchoingBackend.start());
  umay = stack.use(
    await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    timeouts = { request_header = "1s" }
    http = { max_fields = 20, max_request_head = "4KiB", max_target = "1KiB" }
    [listeners.plain]
    bind = "127.0.0.1:0"
    mode = "http"
    https_redirect = {}
    [routes.small]
    listeners = ["web"]
    path_prefix = "/small"
    pool = "app"
    max_body = "10B"
    [routes.slow]
    path_prefix = "/slow"
    pool = "app"
    timeouts.first_byte = "1s"
    [routes.named]
    hosts = ["named.test", "under_score.test", "bücher.test"]
    pool = "app"
    [routes.sticky]
    path_prefix = "/sticky"
    pool = "app"
    sticky = { cookie = "umay_app" }
    [routes.challenge]
    listeners = ["plain"]
    path_prefix = "/.well-known/acme-challenge"
    pool = "app"
    [routes.admin]
    listeners = ["web"]
    path_prefix = "/admin"
    respond = { status = 200, body = "admin" }
    ${poolToml("app", [backend.address], "outlier.enabled = false\nhttp.max_response_head = '4KiB'")}`),
  );
});
after(() => stack.disposeAsync());

const connect = (): Promise<HttpClient> => HttpClient.connect(umay.port("web"));
const crlf = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");

/** A request with `Host`, and what else it has. */
const request = (line: string, fields: readonly string[] = [], body = ""): string =>
  `${crlf(`${line} HTTP/1.1`, "host: a.test", ...fields, "")}${body}`;

const logged = (path: string): Promise<LogLine> =>
  umay.logged((line) => line["path"] === path && line["status"] !== undefined);

type Refused = readonly [case_: number, what: string, bytes: (path: string) => string, status: number];

const chunked = "transfer-encoding: chunked";
const post =
  (...fields: readonly string[]): ((path: string) => string) =>
  (path) =>
    request(`POST ${path}`, fields, "hello");
const get =
  (...fields: readonly string[]): ((path: string) => string) =>
  (path) =>
    request(`GET ${path}`, fields);
const line =
  (text: string): ((path: string) => string) =>
  (path) =>
    crlf(text.replace("PATH", path), "host: a.test", "");
const body =
  (text: string): ((path: string) => string) =>
  (path) =>
    request(`POST ${path}`, [chunked], text);

const refused: readonly Refused[] = [
  [1, "length and coding", post("content-length: 5", chunked), 400],
  [2, "two lengths that differ", post("content-length: 5", "content-length: 6"), 400],
  [2, "two lengths that are equal", post("content-length: 5", "content-length: 5"), 400],
  ...["+5", "-5", "0x5", "5,5", "1_0", "", "0000000000000005"].map(
    (length): Refused => [3, `the length "${length}"`, post(`content-length: ${length}`), 400],
  ),
  [4, "a coding that is unknown", post("transfer-encoding: gzip, chunked"), 501],
  [4, "chunked twice", post("transfer-encoding: chunked, chunked"), 501],
  [4, "two codings", post(chunked, chunked), 400],
  [
    5,
    "a coding in HTTP/1.0",
    (path) => crlf(`POST ${path} HTTP/1.0`, "host: a.test", chunked, "", "0", ""),
    400,
  ],
  [6, "a folded field", get("x: a", " b"), 400],
  [7, "a bare line feed", (path) => `GET ${path} HTTP/1.1\nhost: a.test\n\n`, 400],
  [7, "a bare carriage return", get("x: a\rb"), 400],
  [7, "a NUL", get("x: a\0b"), 400],
  [7, "a DEL", get("x: a\x7fb"), 400],
  [7, "a control byte in a name", get("x\x01: a"), 400],
  [8, "a blank before the colon", get("x : a"), 400],
  [8, "a tab before the colon", get("x\t: a"), 400],
  [8, "an empty name", get(": a"), 400],
  [9, "no Host", (path) => crlf(`GET ${path} HTTP/1.1`, ""), 400],
  [9, "two Hosts", get("host: a.test"), 400],
  [10, "HTTP/1.2", line("GET PATH HTTP/1.2"), 400],
  [10, "HTTP/2.0", line("GET PATH HTTP/2.0"), 505],
  [10, "a version in lower case", line("GET PATH http/1.1"), 400],
  [10, "two blanks", line("GET  PATH HTTP/1.1"), 400],
  [10, "a tab in the request line", line("GET\tPATH HTTP/1.1"), 400],
  [11, "a byte beyond ASCII in the target", line("GET PATH\xe4 HTTP/1.1"), 400],
  [11, "a control byte in the target", line("GET PATH\x01 HTTP/1.1"), 400],
  [12, "an absolute target for another host", line("GET http://b.testPATH HTTP/1.1"), 400],
  [13, "* with another method than OPTIONS", line("GET * HTTP/1.1"), 400],
  [14, "CONNECT", line("CONNECT a.test:443 HTTP/1.1"), 405],
  [14, "TRACE", line("TRACE PATH HTTP/1.1"), 405],
  [15, "a head beyond its limit", get(`x: ${"a".repeat(5_000)}`), 431],
  [15, "too many fields", get(...Array.from({ length: 21 }, (_, index) => `x${index}: a`)), 431],
  [15, "a target beyond its limit", line(`GET PATH${"a".repeat(1_100)} HTTP/1.1`), 414],
  [17, "an empty line before the first request", (path) => `\r\n${request(`GET ${path}`)}`, 400],
  [22, "a Connection that names a field it must not", get("connection: x-forwarded-for, host"), 400],
  [25, "an expectation that is unknown", post("content-length: 5", "expect: 200-ok"), 417],
  [29, "a path with %00", line("GET PATH%00 HTTP/1.1"), 400],
  [29, "a path that leaves the root", line("GET PATH/../../x HTTP/1.1"), 400],
  [
    30,
    "a body beyond its limit, by its length",
    (path) => request(`POST /small${path}`, ["content-length: 11"], "hello"),
    413,
  ],
];

describe("refused once, in order, and nothing reaches a backend", { concurrency: 8 }, () => {
  for (const [index, [number, what, bytes, status]] of refused.entries())
    test(`case ${number}: ${what} is answered with ${status}`, async () => {
      const path = `/r${index}`;
      using client = await connect();
      client.write(bytes(path));
      const response = await client.response();
      assert.deepEqual([response.status, response.fields.get("connection")], [status, "close"]);
      assert.ok(response.isComplete);
      assert.equal(await client.ending(), "end");
      assert.equal(client.surplus.length, 0);
      assert.deepEqual(
        [...backend.begun].filter((begun) => begun.includes(path) && begun.endsWith(path)),
        [],
      );
    });
});

type Served = readonly [
  case_: number,
  what: string,
  bytes: string,
  line: string,
  has: RegExp[],
  hasNot: RegExp[],
];

const served: readonly Served[] = [
  [
    12,
    "an absolute target becomes origin-form",
    crlf("GET http://a.test:80/s12?q HTTP/1.1", "host: a.test:80", ""),
    "GET /s12?q HTTP/1.1",
    [/^host: a\.test:80$/m],
    [],
  ],
  [13, "OPTIONS for the server goes on as it is", request("OPTIONS *"), "OPTIONS * HTTP/1.1", [], []],
  [
    22,
    "fields for one hop are taken away, with those that Connection names",
    request("GET /s22", [
      "connection: keep-alive, x-hop",
      "x-hop: 1",
      "keep-alive: 5",
      "proxy-connection: a",
      "te: gzip",
      "trailer: x",
      "upgrade: h2c",
      "x-kept: 1",
    ]),
    "GET /s22 HTTP/1.1",
    [/^x-kept: 1$/m, /^trailer: x$/m],
    [/x-hop|keep-alive|proxy-connection|^te:|upgrade/im],
  ],
  [
    23,
    "what a client says of itself is not believed",
    request("GET /s23", [
      "x-forwarded-for: 1.2.3.4",
      "X-FORWARDED-HOST: evil",
      "forwarded: for=1.2.3.4",
      "x-real-ip: 1.2.3.4",
    ]),
    "GET /s23 HTTP/1.1",
    [/^x-forwarded-for: 127\.0\.0\.1$/m],
    [/1\.2\.3\.4|evil|x-real-ip/],
  ],
  [
    29,
    "names with an underscore are dropped",
    request("GET /s29", ["x_auth: 1", "x-auth: 2"]),
    "GET /s29 HTTP/1.1",
    [/^x-auth: 2$/m],
    [/x_auth/],
  ],
  [
    29,
    "the path that is matched is the one that is sent",
    request("GET /a/./b/%7e/../s29b%2fc"),
    "GET /a/b/s29b%2Fc HTTP/1.1",
    [],
    [],
  ],
];

describe("served, as backends see it", { concurrency: 8 }, () => {
  for (const [number, what, bytes, first, has, hasNot] of served)
    test(`case ${number}: ${what}`, async () => {
      using client = await connect();
      client.write(bytes);
      const { status, body: head } = await client.response();
      assert.equal(status, 200);
      const text = head.toString("latin1").replaceAll("\r", "");
      assert.equal(text.split("\n")[0], first);
      for (const pattern of has) assert.match(text, pattern);
      for (const pattern of hasNot) assert.doesNotMatch(text, pattern);
      client.write(request("GET /after"));
      assert.equal((await client.response()).status, 200, "the connection goes on");
    });
});

test("case 21: extensions of chunks are dropped, and trailers that could change a head; the body is framed anew", async () => {
  using client = await connect();
  const trailers = crlf("0", "x-sum: 1", "content-length: 3", "host: evil", "");
  client.write(request("POST /s21", [chunked], `5;a="b"\r\nhello\r\n${trailers}`));
  assert.equal((await client.response()).status, 200);
  const { head, body: sent } = backend.seen.find(({ path }) => path === "/s21")!;
  assert.match(head, /^transfer-encoding: chunked\r$/m);
  assert.equal(sent, "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n");
});

test("case 29: a path that a lax backend reads as another route's is answered with 400, and the connection goes on", async () => {
  using client = await connect();
  client.write(request("GET /public%2F..%2Fadmin"));
  assert.equal((await client.response()).status, 400);
  client.write(request("GET /public%2Fother"));
  assert.match((await client.response()).body.toString(), /^GET \/public%2Fother /);
  assert.ok(![...backend.begun].some((path) => path.includes("..")));
});

describe("connections of clients", { concurrency: 8 }, () => {
  test("case 16: a byte in each segment is a request all the same", async () => {
    using client = await connect();
    for (const byte of request("POST /s16", ["content-length: 3"], "abc"))
      await new Promise<void>((resolve) => client.socket.write(byte, () => resolve()));
    assert.equal((await client.response()).status, 200);
    assert.equal(backend.seen.find(({ path }) => path === "/s16")?.body, "abc");
  });

  test("cases 17 and 18: pipelined requests are answered in order, with an empty line between them", async () => {
    using client = await connect();
    client.write(["/p1", "/p2", "/p3"].map((path) => request(`GET ${path}`)).join("\r\n"));
    for (const path of ["/p1", "/p2", "/p3"])
      assert.match((await client.response()).body.toString("latin1"), new RegExp(`^GET ${path} `));
  });

  test("case 19: a second request that is bad gets its 400 behind the answer to the first", async () => {
    using client = await connect();
    client.write(`${request("GET /first")}${request("GET /second", ["x : y"])}`);
    assert.equal((await client.response()).status, 200);
    assert.equal((await client.response()).status, 400);
    assert.equal(await client.ending(), "end");
  });

  for (const [index, chunks] of ["+5", "0x5", " 5", "000000005", ""]
    .map((size) => `${size}\r\nhello\r\n0\r\n\r\n`)
    .concat("5\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n")
    .entries())
    test(`case 20: the chunk ${JSON.stringify(chunks.slice(0, 12))} is answered with 400, and the backend's request is cut`, async () => {
      using client = await connect();
      client.write(body(chunks)(`/c20-${index}`));
      const { status } = await client.response();
      assert.equal(status, 400);
      assert.ok(!backend.seen.some(({ path }) => path === `/c20-${index}`), "no backend has a whole request");
    });

  test("case 24: HTTP/1.0 gets an end, or keeps what it asks to keep; a body of unknown length ends with the connection", async () => {
    using once = await connect();
    once.write(crlf("GET /s24 HTTP/1.0", "host: a.test", ""));
    assert.equal((await once.response()).status, 200);
    assert.equal(await once.ending(), "end");
    using kept = await connect();
    kept.write(crlf("GET /s24 HTTP/1.0", "host: a.test", "connection: keep-alive", ""));
    assert.equal((await kept.response()).fields.get("connection"), "keep-alive");
    backend.answer("/chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    kept.write(crlf("GET /chunks HTTP/1.0", "host: a.test", "connection: keep-alive", ""));
    const { body: text, fields, isComplete } = await kept.response();
    assert.deepEqual([text.toString(), fields.has("transfer-encoding"), isComplete], ["hello", false, true]);
  });

  test("case 25: who waits for 100 is told to go on, and its body follows", async () => {
    using client = await connect();
    client.write(
      crlf("POST /continued HTTP/1.1", "host: a.test", "content-length: 5", "expect: 100-continue", ""),
    );
    const response = client.response();
    await becomes(() => backend.begun.has("/continued"), Boolean, "the head at the backend");
    client.write("hello");
    assert.equal((await response).status, 200);
  });

  for (const [method, status] of [
    ["HEAD", "200 OK"],
    ["GET", "204 No Content"],
    ["GET", "304 Not Modified"],
  ] as const)
    test(`case 26: ${method} with ${status} has no body, whatever its framing says, and the next request is served`, async () => {
      const path = `/none-${status.slice(0, 3)}`;
      const framing = status.startsWith("204") ? "x: y" : "content-length: 5";
      backend.answer(path, `HTTP/1.1 ${status}\r\n${framing}\r\n\r\n`);
      using client = await connect();
      client.write(request(`${method} ${path}`));
      const response = await client.response(method);
      assert.deepEqual([response.status, response.body.length], [Number(status.slice(0, 3)), 0]);
      client.write(request("GET /after"));
      assert.equal((await client.response()).status, 200);
    });

  test("case 27: who half-closes gets the answer; who resets has the backend's request cut", async () => {
    const release: (() => void)[] = [];
    const gone: boolean[] = [];
    for (const path of ["/half", "/reset"])
      backend.answer(path, (socket) => {
        release.push(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
        socket.on("close", () => gone.push(true));
      });
    using half = await connect();
    half.write(request("GET /half"));
    half.socket.end();
    await becomes(
      () => release.length,
      (count) => count === 1,
      "the request at the backend",
    );
    release[0]!();
    assert.equal((await half.response()).body.toString(), "ok");
    const closed = gone.length;
    const reset = await connect();
    reset.write(request("GET /reset"));
    await becomes(
      () => release.length,
      (count) => count === 2,
      "the second one",
    );
    reset.socket.resetAndDestroy();
    await becomes(
      () => gone.length,
      (count) => count > closed,
      "the end of the backend's connection",
    );
    assert.equal((await logged("/reset"))["reason"], "client_reset");
  });

  test("case 28: a head that does not come is answered with 408", async () => {
    using client = await connect();
    client.write("GET / HTTP/1.1\r\nhost:");
    assert.equal((await client.response()).status, 408);
    assert.equal(await client.ending(), "end");
  });

  test("case 30: a body in chunks is answered with 413 when it passes the limit", async () => {
    using client = await connect();
    client.write(request("POST /small/chunks", [chunked], "8\r\n12345678\r\n"));
    client.write("8\r\n12345678\r\n");
    assert.equal((await client.response()).status, 413);
    assert.ok(!backend.seen.some(({ path }) => path === "/small/chunks"));
  });
});

type Answer = readonly [
  case_: number,
  what: string,
  bytes: string,
  status: number | "reset",
  detail?: string,
];

const ok = "HTTP/1.1 200 OK\r\n";
const answers: readonly Answer[] = [
  [31, "length and coding", `${ok}content-length: 5\r\n${chunked}\r\n\r\n`, 502, "cl_te"],
  [31, "two lengths", `${ok}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`, 502, "cl_twice"],
  [31, "a bad length", `${ok}content-length: +5\r\n\r\nhello`, 502, "bad_content_length"],
  [31, "a folded field", `${ok}x: y\r\n z\r\ncontent-length: 0\r\n\r\n`, 502, "obs_fold"],
  [31, "a bare line feed", "HTTP/1.1 200 OK\ncontent-length: 0\n\n", 502, "bare_lf"],
  [31, "a NUL", `${ok}x: \0\r\ncontent-length: 0\r\n\r\n`, 502, "control_byte"],
  [31, "HTTP/1.2", "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n", 502, "bad_status_line"],
  [
    34,
    "more than eight interim responses",
    "HTTP/1.1 102 Processing\r\n\r\n".repeat(9),
    502,
    "too_many_interim",
  ],
  [
    35,
    "101 that nobody asked for",
    "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    502,
    "unasked_switch",
  ],
  [44, "a head beyond its limit", `${ok}x: ${"y".repeat(5_000)}\r\n\r\n`, 502, "head_too_large"],
];

describe("answers of backends", { concurrency: 8 }, () => {
  async function asked(path: string, method = "GET"): Promise<Received> {
    using client = await connect();
    client.write(request(`${method} ${path}`));
    return await client.response(method);
  }

  for (const [index, [number, what, bytes, status, detail]] of answers.entries())
    test(`case ${number}: ${what} is answered with ${status}, and logged as ${detail}`, async () => {
      const path = `/a${index}`;
      backend.answer(path, bytes);
      assert.equal((await asked(path)).status, status);
      assert.equal((await logged(path))["detail"], detail);
    });

  for (const [what, bytes] of [
    ["a length", `${ok}content-length: 10\r\n\r\nhello`],
    ["chunks", `${ok}${chunked}\r\n\r\n5\r\nhello\r\n`],
  ] as const)
    test(`case 32: ${what} that is cut short ends in a reset, never in order`, async () => {
      const path = `/cut-${what.length}`;
      backend.answer(path, (socket) => socket.end(bytes));
      using client = await connect();
      client.write(request(`GET ${path}`));
      assert.equal((await client.response()).isComplete, false);
      assert.equal(await client.ending(), "ECONNRESET");
    });

  test("case 33: an answer without a length comes in chunks, and the client's connection is kept", async () => {
    backend.answer("/until-close", (socket) => socket.end(`${ok}\r\nhello`));
    using client = await connect();
    client.write(request("GET /until-close"));
    const { fields, body: text, isComplete } = await client.response();
    assert.deepEqual(
      [fields.get("transfer-encoding"), text.toString(), isComplete],
      ["chunked", "hello", true],
    );
    client.write(request("GET /after"));
    assert.equal((await client.response()).status, 200);
  });

  for (const [path, bytes] of [
    ["/surplus", `${ok}content-length: 2\r\n\r\nokEXTRA`],
    ["/second", `${ok}content-length: 2\r\n\r\nok${ok}content-length: 4\r\n\r\nevil`],
  ] as const)
    test(`cases 38 and 39: bytes that nobody asked for (${path}) end the backend's connection, and reach no client`, async () => {
      backend.answer(path, bytes);
      using client = await connect();
      client.write(request(`GET ${path}`));
      assert.equal((await client.response()).body.toString(), "ok");
      client.write(request("GET /after"));
      const { status, body: text } = await client.response();
      assert.equal(status, 200);
      assert.match(text.toString(), /^GET \/after /);
    });

  test("case 43: an answer in chunks is the same body, wherever its bytes are split", async () => {
    const bytes = `${ok}${chunked}\r\n\r\n5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nx: y\r\n\r\n`;
    backend.answer("/split", async (socket) => {
      for (const byte of bytes) await new Promise<void>((resolve) => socket.write(byte, () => resolve()));
    });
    assert.equal((await asked("/split")).body.toString(), "hello, world");
  });

  test("case 45: a backend that says nothing is answered with 504 after first_byte", async () => {
    backend.answer("/slow/silent", () => {});
    assert.equal((await asked("/slow/silent")).status, 504);
    assert.equal((await logged("/slow/silent"))["reason"], "first_byte_timeout");
  });
});

describe("lessons", { concurrency: 8 }, () => {
  async function asked(bytes: string, listener = "web"): Promise<Received> {
    using client = await HttpClient.connect(umay.port(listener));
    client.write(bytes);
    return await client.response();
  }
  const hosted = (host: string, path: string): string => crlf(`GET ${path} HTTP/1.1`, `host: ${host}`, "");

  for (const [index, path] of [
    "/group%2Fproject",
    "/ocsp//MEUw//AA==",
    "/room/%23a:b.test",
    "/a%3Bb",
    "/100%25",
  ].entries())
    test(`lessons 1 and 3: ${path} passes untouched, because both its readings have one route`, async () => {
      const { status, body: head } = await asked(request(`GET /l${index}${path}`));
      assert.equal(status, 200);
      assert.ok(head.toString().startsWith(`GET /l${index}${path} HTTP/1.1\r\n`), head.toString());
    });

  for (const path of [
    "/admin%2F",
    "/admin%23x",
    "/admin%3Fx",
    "/admin%3Bx",
    "//admin",
    "/x/..;/admin",
    "/x%2F..%2Fadmin",
  ])
    test(`lesson 1: ${path} does not slip past a route for /admin`, async () => {
      const { status, body: text } = await asked(request(`GET ${path}`));
      // Where the first reading is the route's own already, there is nothing to slip past.
      assert.ok(status === 400 || text.toString() === "admin", `${status} ${text.toString()}`);
      assert.ok(![...backend.begun].includes(path));
    });

  for (const host of [
    "named.test",
    "NAMED.test",
    "named.test.",
    "named.test:8080",
    "NAMED.test.:443",
    "under_score.test",
    "xn--bcher-kva.test",
  ])
    test(`lessons 4 and 5: Host ${host} finds its route, and is sent as it came`, async () => {
      const path = `/host-${host.replace(":", "-")}`;
      const { status, body: head } = await asked(hosted(host, path));
      assert.equal(status, 200);
      assert.ok(head.toString().includes(`\r\nhost: ${host}\r\n`), head.toString());
      assert.equal((await logged(path))["route"], "named");
    });

  test("lesson 20: 103 does not reach a client of HTTP/1.1 that did not ask for it, and the final answer does", async () => {
    backend.answer(
      "/hints",
      `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}content-length: 2\r\n\r\nok`,
    );
    const { status, interim, fields } = await asked(request("GET /hints"));
    assert.deepEqual([status, interim, fields.has("link")], [200, [], false]);
  });

  test("lesson 21: the head of an answer goes out at once, before there is a byte of its body", async () => {
    backend.answer("/events", `${ok}content-type: text/event-stream\r\n${chunked}\r\n\r\n`);
    using client = await connect();
    client.write(request("GET /events"));
    await becomes(() => client.surplus.includes("\r\n\r\n"), Boolean, "the head");
    assert.ok(client.surplus.includes("text/event-stream"));
  });

  test("lesson 24: a sticky cookie for a backend that is gone is answered all the same, with a new one", async () => {
    const { status, fields } = await asked(request("GET /sticky", ["cookie: umay_app=unknown"]));
    assert.equal(status, 200);
    assert.match(fields.get("set-cookie")!, /^umay_app=/);
  });

  test("lesson 29: a redirect to https keeps the method, and a route that names the listener comes before it", async () => {
    const redirected = await asked(request("POST /form?x", ["content-length: 0"]), "plain");
    assert.deepEqual([redirected.status, redirected.fields.get("location")], [308, "https://a.test/form?x"]);
    assert.equal((await asked(request("GET /.well-known/acme-challenge/token"), "plain")).status, 200);
  });
});
