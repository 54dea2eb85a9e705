import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FieldEdits } from "../../../src/http/edits.ts";
import { type FieldMarker, markDropped } from "../../../src/http/hop-by-hop.ts";
import { requestText } from "../../../src/http/http1/request-head.ts";
import { clientFraming, responseText } from "../../../src/http/http1/response-head.ts";
import type { HeadEdits, RequestHead, ResponseHead } from "../../../src/http/message.ts";
import { NameSet } from "../../../src/http/name-set.ts";
import { type FieldList, feed, RequestRecorder, ResponseRecorder } from "../recorder.ts";

/** Hands the request's head over while its fields are valid. */
function withRequest<T>(text: string, use: (head: RequestHead) => T): T {
  const recorder = new RequestRecorder();
  const request = recorder.request.bind(recorder);
  const used: T[] = [];
  recorder.request = (head, last) => {
    used.push(use(head));
    request(head, last);
  };
  feed(recorder.front, text);
  assert.equal(recorder.detail, undefined);
  return used[0]!;
}

function rewrite(text: string, drops: readonly FieldMarker[] = [], added = ""): string[] {
  const edits = (head: RequestHead): HeadEdits => ({
    dropped: markDropped(head.fields, drops),
    lines: added,
  });
  return withRequest(text, (head) => requestText(head, edits(head))).split("\r\n");
}

const get = (lines: string): string => `GET /a?b HTTP/1.1\r\nHost: A:80\r\n${lines}\r\n`;

describe("the head of a request to a backend", () => {
  test("has the fields as they came, Host first", () => {
    assert.deepEqual(rewrite(get("X-A:  1 \r\nx-b:2\r\nX-A: 3\r\n")), [
      "GET /a?b HTTP/1.1",
      "host: A:80",
      "X-A:  1 ",
      "x-b:2",
      "X-A: 3",
      "",
      "",
    ]);
  });

  test("has nothing that is for one hop alone, nor what Connection names", () => {
    const lines = rewrite(
      get(
        "Connection: keep-alive, X-Secret\r\nKeep-Alive: 5\r\nX-Secret: 1\r\nProxy-Connection: a\r\nTE: gzip\r\n" +
          "Trailer: x\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\nProxy-Authorization: b\r\nX-Kept: 1\r\nx-secret: 2\r\nx-SECRET: 3\r\n",
      ),
    );
    assert.deepEqual(lines, ["GET /a?b HTTP/1.1", "host: A:80", "Trailer: x", "X-Kept: 1", "", ""]);
  });

  test("has not what the caller drops, whatever its case, and has what is added", () => {
    const dropped = new NameSet(["x-forwarded-*", "x-internal", "forwarded"]);
    assert.deepEqual(
      rewrite(
        get("X-Forwarded-For: a\r\nX-FORWARDED-X: b\r\nForwarded: c\r\nX-Internal: d\r\nX-I: e\r\n"),
        [dropped],
        "x: y\r\n",
      ),
      ["GET /a?b HTTP/1.1", "host: A:80", "X-I: e", "x: y", "", ""],
    );
  });

  test("joins Cookie fields", () => {
    assert.deepEqual(rewrite(get("Cookie: a=1\r\nX: y\r\ncookie: b=2; c=3\r\n")).slice(2), [
      "X: y",
      "cookie: a=1; b=2; c=3",
      "",
      "",
    ]);
    assert.deepEqual(rewrite(get("Cookie: a=1\r\nCookie: b\r\n")).slice(2), ["cookie: a=1; b", "", ""]);
    assert.deepEqual(rewrite(get("Cookie: a=1\r\nCookie: b\r\n"), [new NameSet(["cookie"])]).slice(2), [
      "",
      "",
    ]);
    assert.deepEqual(rewrite(get("Cookie: a=1\r\n")).slice(2), ["Cookie: a=1", "", ""]);
  });

  for (const [what, text, lines] of [
    ["of a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 03\r\n\r\nabc", ["content-length: 3"]],
    [
      "in chunks",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
      ["transfer-encoding: chunked"],
    ],
    ["that is empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ["content-length: 0"]],
    ["that is missing", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", ["content-length: 0"]],
    ["that GET does not have", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", []],
  ] as const)
    test(`says how long a body is ${what}`, () =>
      assert.deepEqual(rewrite(text).slice(2), [...lines, "", ""]));

  test("asks for websocket and for trailers, and for nothing else, of the next hop", () => {
    const webSocket = "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\nSec-WebSocket-Key: x\r\n";
    assert.deepEqual(rewrite(get(webSocket)).slice(2), [
      "Sec-WebSocket-Key: x",
      "upgrade: websocket",
      "connection: upgrade",
      "",
      "",
    ]);
    assert.deepEqual(rewrite(get("TE: gzip, trailers\r\nConnection: TE\r\n")).slice(2), [
      "te: trailers",
      "connection: te",
      "",
      "",
    ]);
    assert.deepEqual(rewrite(get(`${webSocket}TE: trailers\r\n`)).slice(3), [
      "te: trailers",
      "upgrade: websocket",
      "connection: upgrade, te",
      "",
      "",
    ]);
  });

  test("says nothing of a body where an upgrade is asked for, as HTTP/2 does without a length", () => {
    const text = withRequest(get("Connection: upgrade\r\nUpgrade: websocket\r\n"), (head) =>
      requestText({ ...head, fields: head.fields, length: -1 }, undefined),
    );
    assert.doesNotMatch(text, /transfer-encoding/);
  });

  test("can be made of fields that were retained, after others have been read", () => {
    const text = get("X-A: 1\r\nConnection: x-b\r\nX-B: 2\r\nCookie: a\r\n");
    const [fields, at, before] = withRequest(text, (head) => [
      head.fields.retain(),
      { ...head },
      requestText(head, undefined),
    ]);
    withRequest("POST / HTTP/1.1\r\nHost: other\r\nX-C: 3\r\n\r\n", () => undefined);
    assert.equal(requestText({ ...at, fields }, undefined), before);
    assert.equal(fields.findName("x-b"), 3);
    assert.equal(fields.findName("X-B"), -1);
    assert.equal(fields.name(3), "x-b");
  });
});

const ok = (fields: string, body = ""): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;

interface Client {
  readonly method?: string;
  readonly minor?: number;
  readonly option?: "" | "close" | "keep-alive";
}

function answer(text: string, { method = "GET", minor = 1, option = "" }: Client = {}): string[] {
  const recorder = new ResponseRecorder();
  const texts: string[] = [];
  const write = (head: ResponseHead): number =>
    texts.push(responseText(head, clientFraming(head, method, minor), option, undefined));
  recorder.response = write;
  recorder.interim = write;
  recorder.switched = write;
  recorder.body = () => true;
  recorder.end = () => undefined;
  recorder.backend.begin(method, "websocket", recorder);
  feed(recorder.backend, text);
  assert.equal(recorder.detail, undefined);
  return texts[0]!.split("\r\n");
}

describe("the head of a response to a client", () => {
  for (const [what, text, client, lines] of [
    ["a length", ok("Content-Length: 3\r\n", "abc"), {}, ["HTTP/1.1 200 OK", "Content-Length: 3"]],
    [
      "chunks",
      ok("X: y\r\nTransfer-Encoding: chunked\r\n"),
      {},
      ["HTTP/1.1 200 OK", "X: y", "transfer-encoding: chunked"],
    ],
    [
      "chunks for HTTP/1.0",
      ok("Transfer-Encoding: chunked\r\n"),
      { minor: 0, option: "close" },
      ["HTTP/1.1 200 OK", "connection: close"],
    ],
    ["an end with the connection", ok(""), {}, ["HTTP/1.1 200 OK", "transfer-encoding: chunked"]],
    [
      "the same for HTTP/1.0",
      ok(""),
      { minor: 0, option: "close" },
      ["HTTP/1.1 200 OK", "connection: close"],
    ],
    [
      "HEAD with a length",
      ok("Content-Length: 3\r\n"),
      { method: "HEAD" },
      ["HTTP/1.1 200 OK", "Content-Length: 3"],
    ],
    [
      "HEAD in chunks",
      ok("Transfer-Encoding: chunked\r\n"),
      { method: "HEAD" },
      ["HTTP/1.1 200 OK", "transfer-encoding: chunked"],
    ],
    ["204 with a length", "HTTP/1.1 204 X\r\nContent-Length: 3\r\n\r\n", {}, ["HTTP/1.1 204 X"]],
    [
      "304 with a length",
      "HTTP/1.1 304 X\r\nContent-Length: 3\r\n\r\n",
      {},
      ["HTTP/1.1 304 X", "Content-Length: 3"],
    ],
    [
      "103 with a length",
      "HTTP/1.1 103 X\r\nLink: a\r\nContent-Length: 3\r\n\r\n",
      {},
      ["HTTP/1.1 103 X", "Link: a"],
    ],
    [
      "no phrase",
      "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
      {},
      ["HTTP/1.1 404 Not Found", "Content-Length: 0"],
    ],
    [
      "a status without a phrase",
      "HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n",
      {},
      ["HTTP/1.1 599 ", "Content-Length: 0"],
    ],
    [
      "fields for one hop alone",
      ok(
        "Connection: close, x-hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nProxy-Authenticate: a\r\nServer: b\r\nContent-Length: 0\r\n",
      ),
      { option: "keep-alive" },
      ["HTTP/1.1 200 OK", "Server: b", "Content-Length: 0", "connection: keep-alive"],
    ],
    [
      "a switch of protocols",
      "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n",
      {},
      ["HTTP/1.1 101 X", "Sec-WebSocket-Accept: a", "upgrade: websocket", "connection: upgrade"],
    ],
  ] as const)
    test(`of ${what}`, () => assert.deepEqual(answer(text, client), [...lines, "", ""]));

  test("of HEAD for HTTP/1.0 in chunks says nothing about them", () => {
    const lines = answer(ok("Transfer-Encoding: chunked\r\n"), { method: "HEAD", minor: 0, option: "close" });
    assert.deepEqual(lines, ["HTTP/1.1 200 OK", "connection: close", "", ""]);
  });

  test("says a length that no field has said", () => {
    const fields = withRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n", (head) => head.fields.retain());
    const head: ResponseHead = { status: 200, phrase: "", length: 7, fields };
    assert.match(
      responseText(head, clientFraming(head, "GET", 1), "", undefined),
      /\r\ncontent-length: 7\r\n\r\n$/,
    );
    assert.doesNotMatch(responseText(head, clientFraming(head, "HEAD", 1), "", undefined), /content-length/);
  });
});

describe("edits", () => {
  const edits = new FieldEdits<{ user: string }>({
    set: { "X-User": ({ user }) => user, "x-fixed": "grün" },
    add: { Via: "1.1 a" },
    remove: ["x-debug-*", "Via"],
  });

  test("replace, add and remove", () => {
    const text = get("X-USER: evil\r\nx-user: worse\r\nX-Debug-A: 1\r\nX-Debug: 2\r\nVia: 1.1 b\r\n");
    const lines = withRequest(text, (head) =>
      requestText(head, {
        dropped: markDropped(head.fields, [edits]),
        lines: edits.lines({ user: "eve" }),
      }),
    );
    assert.deepEqual(lines.split("\r\n").slice(2), [
      "X-Debug: 2",
      "x-user: eve",
      "x-fixed: gr\xc3\xbcn",
      "via: 1.1 a",
      "",
      "",
    ]);
  });

  test("never let a value begin a line", () => {
    assert.equal(edits.lines({ user: "a\r\nX-Admin: 1\0" }).split("\r\n")[0], "x-user: a  X-Admin: 1 ");
    assert.equal(edits.lines({ user: "\u010a" }).split("\r\n")[0], "x-user: \xc4\x8a");
  });

  for (const name of [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "connection",
    "te",
    "upgrade",
    "a b",
    "",
    "a:b",
  ])
    test(`do not touch ${JSON.stringify(name)}`, () => {
      assert.throws(() => new FieldEdits({ set: { [name]: "a" } }), RangeError);
      assert.throws(() => new FieldEdits({ add: { [name]: "a" } }), RangeError);
      assert.throws(() => new FieldEdits({ remove: [name] }), RangeError);
    });

  test("do not take a text with a control character", () => {
    assert.throws(() => new FieldEdits({ set: { a: "b\r\nc: d" } }), RangeError);
  });
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).filter((text) => !["host", "te"].includes(text));
const value = fc.uint8Array({ maxLength: 12 }).map((bytes) =>
  Buffer.from(bytes.map((byte) => (byte < 0x20 || byte === 0x7f ? 0x61 : byte)))
    .toString("latin1")
    .trim(),
);
const fieldList: fc.Arbitrary<FieldList> = fc.array(fc.tuple(name, value), { maxLength: 10 });

test("what is written for a backend is read as the same request", () => {
  fc.assert(
    fc.property(fieldList, fc.constantFrom(-1, 0, 3), (fields, length) => {
      const lines = fields.map(([its, text]) => `${its}: ${text}\r\n`).join("");
      const framing = length < 0 ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${length}\r\n`;
      const first = new RequestRecorder();
      const texts: string[] = [];
      const request = first.request.bind(first);
      first.request = (head, last) => {
        texts.push(requestText(head, undefined));
        request(head, last);
      };
      feed(first.front, `PUT /a HTTP/1.1\r\nHost: b\r\n${framing}${lines}\r\n`);
      const [text] = texts;
      if (text === undefined) return;
      const second = new RequestRecorder();
      feed(second.front, text);
      const [one, two] = [first.last, second.last];
      const own = (list: FieldList): FieldList => list.filter(([its]) => !unlike.includes(its));
      assert.deepEqual({ ...two, fields: own(two.fields) }, { ...one, fields: own(one.fields) });
    }),
  );
});

const unlike = ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade"];
