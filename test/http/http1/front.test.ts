import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FrontOptions } from "../../../src/http/http1/front.ts";
import { scan } from "../../../src/http/scan.ts";
import { everyByte, feed, limits, RequestRecorder } from "../recorder.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (fields: string, body = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);

function read(text: string, options: Partial<FrontOptions> = {}): RequestRecorder {
  const recorder = new RequestRecorder(options);
  feed(recorder.front, text);
  return recorder;
}

/** The reason for which each text is refused; nothing of the request is handed on before. */
const refused: Readonly<Record<string, readonly [text: string, detail: string, status?: number]>> = {
  "Content-Length and Transfer-Encoding": [
    post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "cl_te",
  ],
  "two different lengths": [post("Content-Length: 3\r\nContent-Length: 4\r\n"), "cl_twice"],
  "two equal lengths": [post("Content-Length: 3\r\nContent-Length: 3\r\n"), "cl_twice"],
  ...Object.fromEntries(
    ["+4", "-4", "0x4", "4,4", "1_0", "", "4 4", "1234567890123456", "٤"].map((length) => [
      `the length ${JSON.stringify(length)}`,
      [post(`Content-Length: ${length}\r\n`), "bad_content_length"] as const,
    ]),
  ),
  ...Object.fromEntries(
    ["gzip", "gzip, chunked", "chunked, chunked", ",chunked", "chunked,", "xchunked", "identity", ""].map(
      (coding) => [
        `the coding ${JSON.stringify(coding)}`,
        [post(`Transfer-Encoding: ${coding}\r\n`), "te_unknown", 501] as const,
      ],
    ),
  ),
  "two codings": [post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "te_twice"],
  "chunks in HTTP/1.0": ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "te_http10"],
  "a folded field": ["GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "obs_fold"],
  "a folded first field": ["GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs_fold"],
  "a bare line feed behind the request line": ["GET / HTTP/1.1\nHost: a\r\n\r\n", "bare_lf"],
  "a bare line feed behind a field": ["GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "bare_lf"],
  "a bare line feed at the end": ["GET / HTTP/1.1\r\nHost: a\r\n\n", "bare_lf"],
  "a bare carriage return": ["GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "bare_cr"],
  "a bare carriage return at the end": ["GET / HTTP/1.1\r\nHost: a\r\n\rX", "bare_cr"],
  ...Object.fromEntries(
    ["\0", "\x7f", "\x01", "\x0b", "\x1b"].map((byte) => [
      `the control byte ${JSON.stringify(byte)} in a value`,
      [`GET / HTTP/1.1\r\nHost: a\r\nX: a${byte}b\r\n\r\n`, "control_byte"] as const,
    ]),
  ),
  "NUL in a name": ["GET / HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n", "control_byte"],
  "NUL in the method": ["G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", "control_byte"],
  "a blank before the colon": ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", "blank_before_colon"],
  "a tab before the colon": ["GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", "blank_before_colon"],
  "an empty name": ["GET / HTTP/1.1\r\n: a\r\n\r\n", "bad_field_name"],
  "a line without a colon": ["GET / HTTP/1.1\r\nHost\r\n\r\n", "bad_field_name"],
  "a name beyond ASCII": ["GET / HTTP/1.1\r\nHöst: a\r\n\r\n", "bad_field_name"],
  "no Host": ["GET / HTTP/1.1\r\nX: a\r\n\r\n", "host_missing"],
  "two Hosts": ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "host_twice"],
  "HTTP/1.2": ["GET / HTTP/1.2\r\nHost: a\r\n\r\n", "bad_request_line"],
  "HTTP/2.0": ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version_unsupported", 505],
  "HTTP/0.9": ["GET /\r\n", "bad_request_line"],
  "the version in lower case": ["GET / http/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "two blanks": ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "two blanks before the version": ["GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "a blank behind the version": ["GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad_request_line"],
  "a tab in the request line": ["GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "control_byte"],
  "a blank in the target": ["GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "a method with a byte that no token has": ["G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "a target beyond ASCII": ["GET /ä HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line"],
  "a control byte in the target": ["GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "control_byte"],
  "an asterisk with GET": ["GET * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"],
  "a target without a slash": ["GET a HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"],
  "a fragment": ["GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"],
  "another scheme": ["GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target"],
  "an authority that differs": ["GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "host_differs"],
  "another port in it": ["GET http://a:8080/ HTTP/1.1\r\nHost: a\r\n\r\n", "host_differs"],
  CONNECT: ["CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "method_refused", 405],
  TRACE: ["TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused", 405],
  "an empty line before the first request": [`\r\n${get}`, "bad_request_line"],
  "a Host with user information": ["GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad_host"],
  "an empty Host": ["GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad_host"],
  "a path above the root": ["GET /../a HTTP/1.1\r\nHost: a\r\n\r\n", "above_root"],
  "an encoded NUL": ["GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_percent"],
  "a percent sign alone": ["GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "bad_percent"],
  "a backslash in the path": ["GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_path"],
  "another expectation": [post("Expect: 200-ok\r\nContent-Length: 1\r\n"), "expectation", 417],
  "two content types": [post("Content-Type: a\r\nContent-Type: a\r\n"), "field_twice"],
  "two authorizations": [post("Authorization: a\r\nauthorization: b\r\n"), "field_twice"],
  ...Object.fromEntries(
    ["host", "X-Forwarded-For", "content-length", "Authorization", "cookie", "Forwarded", "X-Request-Id"].map(
      (name) => [
        `a Connection that names ${name}`,
        [`GET / HTTP/1.1\r\nHost: a\r\nConnection: close, ${name}\r\n\r\n`, "connection_field"] as const,
      ],
    ),
  ),
  "a Connection that names very much": [
    post(`Connection: ${Array.from({ length: 17 }, (_, index) => `x${index}`)}\r\n`),
    "connection_field",
  ],
  "a target that is too long": [
    `GET /${"a".repeat(limits.target)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    "target_too_long",
    414,
  ],
  "a target without end": [`GET /${"a".repeat(limits.target + 100)}`, "target_too_long", 414],
  "a head that is too large": [
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(limits.head)}\r\n\r\n`,
    "head_too_large",
    431,
  ],
  "a head without end": [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(limits.head)}`, "head_too_large", 431],
  "129 fields": [`GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(128)}\r\n`, "too_many_fields", 431],
  "129 fields of which most would be dropped": [
    `GET / HTTP/1.1\r\nHost: a\r\n${"X_: a\r\n".repeat(128)}\r\n`,
    "too_many_fields",
    431,
  ],
};

describe("requests that are refused", () => {
  for (const [what, [text, detail, status = 400]] of Object.entries(refused))
    test(`${what}: ${status} ${detail}`, () => {
      const bytes = Buffer.from(text).toString("latin1");
      for (const cuts of [[], everyByte(bytes)]) {
        const { front, ...recorder } = readCut(bytes, cuts);
        assert.deepEqual(recorder, { detail, status, requests: 0 });
        assert.equal(front.state, "closed");
      }
    });

  function readCut(text: string, cuts: readonly number[]) {
    const recorder = new RequestRecorder();
    feed(recorder.front, text, cuts);
    // Bytes that were held back because they might still become a head are judged at the end.
    if (recorder.fault === undefined) recorder.front.ended();
    const { fault, front, requests } = recorder;
    return { front, detail: fault?.detail, status: fault?.status, requests: requests.length };
  }

  for (const [what, body] of Object.entries({
    "a sign": "+4\r\nabcd\r\n0\r\n\r\n",
    "a prefix": "0x4\r\nabcd\r\n0\r\n\r\n",
    "a blank before": " 4\r\nabcd\r\n0\r\n\r\n",
    "a blank behind": "4 \r\nabcd\r\n0\r\n\r\n",
    "nine digits": "000000004\r\nabcd\r\n0\r\n\r\n",
    "a bare line feed": "4\nabcd\r\n0\r\n\r\n",
    "no CRLF behind the data": "4\r\nabcd0\r\n\r\n",
    "more data than it says": "4\r\nabcde\r\n0\r\n\r\n",
    nothing: "\r\nabcd\r\n0\r\n\r\n",
    "no digit": "g\r\n",
    "a bare carriage return in an extension": "4;a\rb\r\nabcd\r\n0\r\n\r\n",
    "a line feed in an extension": "4;a\nb\r\nabcd\r\n0\r\n\r\n",
  }))
    test(`a chunk size with ${what}`, () => {
      const recorder = read(chunked(body));
      assert.equal(recorder.detail, "bad_chunk");
      assert.equal(recorder.last.complete, false);
    });

  test("an extension of more than 1 KiB, and trailers of more than 8 KiB", () => {
    assert.equal(read(chunked(`4;${"a".repeat(1024)}\r\nabcd\r\n0\r\n\r\n`)).last.complete, true);
    assert.equal(read(chunked(`4;${"a".repeat(1025)}\r\nabcd\r\n`)).detail, "chunk_extension_too_long");
    assert.equal(read(chunked(`0\r\nx: ${"a".repeat(8192)}`)).detail, "trailers_too_large");
    assert.equal(read(chunked("0\r\nx : a\r\n\r\n")).detail, "blank_before_colon");
  });
});

describe("requests that are served", () => {
  test("one byte at a time", () => {
    const recorder = new RequestRecorder();
    const text =
      chunked("4;x=y\r\nabcd\r\n3\r\nefg\r\n0\r\nx: 1\r\n\r\n") + post("Content-Length: 3\r\n", "abc") + get;
    feed(recorder.front, text, everyByte(text));
    assert.equal(recorder.fault, undefined);
    assert.deepEqual(
      recorder.requests.map(({ method, body, complete, trailers }) => ({ method, body, complete, trailers })),
      [
        { method: "POST", body: "abcdefg", complete: true, trailers: [["x", "1"]] },
        { method: "POST", body: "abc", complete: true, trailers: undefined },
        { method: "GET", body: "", complete: true, trailers: undefined },
      ],
    );
  });

  test("the largest that the limits allow", () => {
    const line = `GET /${"a".repeat(limits.target - 1)} HTTP/1.1\r\nHost: a\r\nX: `;
    const text = `${line}${"a".repeat(limits.head - line.length - 4)}\r\n\r\n`;
    assert.equal(text.length, limits.head);
    assert.equal(read(text).last.complete, true);
    const fields = (count: number): string => `GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(count)}\r\n`;
    assert.equal(read(fields(127)).last.complete, true);
    const unbounded = { limits: { ...limits, fields: 1_000 } };
    assert.equal(read(fields(255), unbounded).last.complete, true);
    assert.equal(read(fields(256), unbounded).detail, "too_many_fields");
  });

  test("one empty line between requests, and not two", () => {
    for (const cuts of [[], everyByte(`${get}\r\n${get}`)]) {
      const recorder = new RequestRecorder();
      feed(recorder.front, `${get}\r\n${get}`, cuts);
      assert.equal(recorder.requests.length, 2);
      assert.equal(recorder.fault, undefined);
    }
    const recorder = read(`${get}\r\n\r\n${get}`);
    assert.equal(recorder.requests.length, 1);
    assert.equal(recorder.detail, "bad_request_line");
  });

  test("three that come together, each after the response to the one before", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, `${get}${post("Content-Length: 3\r\n", "abc")}${get.replace("/", "/last")}`);
    assert.equal(recorder.requests.length, 1);
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.requests.length, 2);
    assert.equal(recorder.last.body, "abc");
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.last.path, "/last");
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.front.state, "idle");
  });

  test("the first of two, when the second is bad", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, `${get}GET / HTTP/1.1\r\nHost : a\r\n\r\n`);
    assert.equal(recorder.fault, undefined);
    assert.equal(recorder.front.answered(), false);
    assert.equal(recorder.detail, "blank_before_colon");
    assert.equal(recorder.requests.length, 1);
  });

  test("more than is held is read no further until the response has ended", () => {
    const recorder = new RequestRecorder({ held: 1024 });
    recorder.answers = false;
    assert.equal(feed(recorder.front, get), true);
    assert.equal(feed(recorder.front, get.repeat(30)), true);
    assert.equal(feed(recorder.front, get.repeat(30)), false);
    recorder.answers = true;
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.requests.length, 61);
    assert.equal(feed(recorder.front, get), true);
  });

  test("a head that is not whole yet does not hold the client back, however little is held", () => {
    const recorder = new RequestRecorder({ held: 1 });
    for (const byte of get) assert.equal(feed(recorder.front, byte), true);
    assert.equal(recorder.requests.length, 1);
  });

  test("a body whose receiver is full holds the client back, until its last part", () => {
    const recorder = new RequestRecorder();
    recorder.accepts = false;
    assert.equal(feed(recorder.front, post("Content-Length: 6\r\n", "abc")), false);
    assert.equal(feed(recorder.front, "de"), false);
    assert.equal(feed(recorder.front, "f"), true);
    assert.equal(recorder.last.body, "abcdef");
    assert.equal(recorder.front.state, "idle");
  });

  for (const [what, head, persists] of [
    ["1.1", get, true],
    ["1.1 with close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false],
    ["1.0", "GET / HTTP/1.0\r\n\r\n", false],
    ["1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true],
    ["1.0 with close and keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false],
  ] as const)
    test(`HTTP/${what}: the connection ${persists ? "stays" : "ends"}`, () => {
      const recorder = read(head + get);
      assert.equal(recorder.requests.length, persists ? 2 : 1);
      assert.equal(recorder.front.state, persists ? "idle" : "closed");
    });

  test("with a Connection that has many empty elements, or names as much as it may", () => {
    const recorder = read(`GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive${" ,".repeat(40)}\r\n\r\n`);
    assert.equal(recorder.last.complete, true);
    const most = Array.from({ length: 16 }, (_, index) => `x${index}`);
    assert.equal(read(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${most}\r\n\r\n`).last.complete, true);
  });

  test("the absolute form, which replaces Host", () => {
    const recorder = read("GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
    const { authority, path, query } = recorder.last;
    assert.deepEqual({ authority, path, query }, { authority: "A:80", path: "/x", query: "?y" });
    assert.equal(read("GET http://a HTTP/1.0\r\n\r\n").last.authority, "a");
  });

  test("the name that routes go by, until the response has ended", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, "GET / HTTP/1.1\r\nHost: A.Example.:80\r\n\r\n");
    assert.equal(recorder.head?.host, "a.example");
    recorder.front.answered();
    assert.equal(recorder.head?.host, "", "an idle connection keeps no text of a head");
  });

  test("OPTIONS for the whole server", () => {
    assert.equal(read("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").last.path, "*");
    assert.equal(read("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").last.path, "*");
    assert.equal(read("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n").last.path, "/");
  });

  test("Expect: 100-continue passes; HTTP/1.0 does not know it", () => {
    assert.equal(
      expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"),
      true,
    );
    assert.equal(expects("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), false);
    assert.equal(expects("POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\n"), false);
    assert.equal(expects("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"), false);
  });

  const expects = (text: string): boolean | undefined => read(text).head?.expectsContinue;

  test("fields with an underscore are dropped, refused or passed", () => {
    const text = "GET / HTTP/1.1\r\nHost: a\r\nX_Auth: 1\r\nX: 2\r\n\r\n";
    const names = (recorder: RequestRecorder): string[] => recorder.last.fields.map(([name]) => name);
    assert.deepEqual(names(read(text)), ["host", "x"]);
    assert.equal(scan.underscored, 1, "and counted");
    assert.deepEqual(names(read(text, { limits: { ...limits, underscores: "pass" } })), [
      "host",
      "x_auth",
      "x",
    ]);
    assert.equal(read(text, { limits: { ...limits, underscores: "refuse" } }).detail, "underscore_name");
    assert.deepEqual(names(read("GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n")), ["host"]);
  });
});

describe("the end of a connection", () => {
  test("between requests it is nobody's fault", () => {
    const recorder = read(get);
    recorder.front.ended();
    assert.equal(recorder.fault, undefined);
    assert.equal(recorder.front.state, "closed");
  });

  for (const [where, text] of [
    ["a head", get.slice(0, -1)],
    ["a body", post("Content-Length: 3\r\n", "ab")],
    ["a chunk", chunked("4\r\nab")],
    ["trailers", chunked("0\r\nx: y\r\n")],
  ] as const)
    test(`within ${where} it cuts the request short`, () => {
      const recorder = read(text);
      recorder.front.ended();
      assert.equal(recorder.detail, "cut_short");
      assert.equal(
        recorder.requests.some(({ complete }) => complete),
        false,
      );
    });

  test("while responses are due, whole requests are served still", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, `${get}${get}GET /`);
    recorder.front.ended();
    assert.equal(recorder.fault, undefined);
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.requests.length, 2);
    assert.equal(recorder.front.answered(), false);
    assert.equal(recorder.detail, "cut_short");
  });

  test("a response before the request's end ends the connection", () => {
    const recorder = read(post("Content-Length: 10\r\n", "abc"));
    assert.equal(recorder.front.answered(), false);
    assert.equal(feed(recorder.front, get), true);
    assert.equal(recorder.requests.length, 1);
  });
});

describe("an upgrade", () => {
  const upgrade = (fields: string): string => `GET /chat HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const webSocket = upgrade("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n");

  test("only to websocket, by GET without a body", () => {
    assert.equal(read(webSocket).last.upgrade, "websocket");
    for (const other of [
      upgrade("Upgrade: websocket\r\n"),
      upgrade("Connection: upgrade\r\nUpgrade: h2c\r\n"),
      upgrade("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n"),
      webSocket.replace("GET", "POST"),
      webSocket.replace("HTTP/1.1", "HTTP/1.0"),
    ])
      assert.equal(read(other).last.upgrade, "");
  });

  test("bytes behind the head are the tunnel's, once it is agreed to", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, `${webSocket}abc`);
    feed(recorder.front, "def");
    assert.equal(recorder.parts, 0);
    recorder.front.tunnel();
    feed(recorder.front, "ghi");
    assert.equal(recorder.last.body, "abcdefghi");
    assert.equal(recorder.last.complete, false);
    recorder.front.ended();
    assert.equal(recorder.last.complete, true);
  });

  test("a refused one leaves the connection as it was", () => {
    const recorder = new RequestRecorder();
    recorder.answers = false;
    feed(recorder.front, webSocket + get);
    assert.equal(recorder.front.answered(), true);
    assert.equal(recorder.requests.length, 2);
  });
});

test("after a fault nothing more is taken", () => {
  const recorder = read("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  for (let round = 0; round < 5; round++)
    assert.equal(feed(recorder.front, get.repeat(1_000)), true, "and nothing is kept");
  recorder.front.ended();
  assert.equal(recorder.front.answered(), false);
  assert.equal(recorder.requests.length, 0);
});
