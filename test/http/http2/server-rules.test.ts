import assert from "node:assert/strict";
import { test } from "node:test";
import { clientSideLimits } from "../../../src/http/http2/limits.ts";
import { preface } from "../../../src/http/http2/protocol.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import { drainOutput, listOf, RecordingServer, responseHead, terms } from "./support.ts";
import { Talk } from "./talk.ts";
import {
  block,
  data,
  frame,
  get,
  headers,
  hello,
  hex,
  Listener,
  type Pairs,
  ping,
  post,
  reset,
  settings,
  windowUpdate,
  word,
} from "./wire.ts";

const empty = Buffer.alloc(0);
const priority = (dependency: number): Buffer => Buffer.concat([word(dependency), Buffer.from([0])]);

/** A server's answers to these frames, without SETTINGS and windows, and the requests that it has heard of. */
function say(frames: readonly Buffer[], limits = clientSideLimits, tunnels = true) {
  const talk = new Talk(limits, tunnels);
  const { owner, server, listener } = talk;
  talk.send(...frames);
  const lines = listener.lines.filter((line) => !/^(settings|windowUpdate 0|ping ack)/.test(line));
  return { lines, requests: owner.requests, owner, server };
}

const connectionErrors: readonly (readonly [
  section: string,
  what: string,
  frames: Buffer[],
  code: string,
])[] = [
  ["3.4", "no preface", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], "PROTOCOL_ERROR"],
  ["3.4", "no SETTINGS behind the preface", [preface, ping()], "PROTOCOL_ERROR"],
  ["3.4", "an acknowledgement instead of SETTINGS", [preface, frame(4, 1, 0)], "PROTOCOL_ERROR"],
  ["4.2", "a frame that is too long", [hello, frame(0, 0, 1, Buffer.alloc(16_385))], "FRAME_SIZE_ERROR"],
  ["4.2", "SETTINGS that are too long", [hello, frame(4, 0, 0, Buffer.alloc(16_386))], "FRAME_SIZE_ERROR"],
  ["4.3", "a block that can't be decoded", [hello, frame(1, 5, 1, hex("ff"))], "COMPRESSION_ERROR"],
  ["4.3", "another frame within a block", [hello, headers(1, get, 1), ping()], "PROTOCOL_ERROR"],
  ["4.3", "DATA within a block", [hello, headers(1, post, 0), data(1, "a")], "PROTOCOL_ERROR"],
  [
    "4.3",
    "another stream's block within a block",
    [hello, headers(1, get, 1), headers(3, get)],
    "PROTOCOL_ERROR",
  ],
  ["5.1", "DATA on an idle stream", [hello, data(1, "a")], "PROTOCOL_ERROR"],
  ["5.1", "RST_STREAM on an idle stream", [hello, reset(1)], "PROTOCOL_ERROR"],
  ["5.1", "WINDOW_UPDATE on an idle stream", [hello, windowUpdate(1, 1)], "PROTOCOL_ERROR"],
  ["5.1.1", "HEADERS with an even number", [hello, headers(2, get)], "PROTOCOL_ERROR"],
  [
    "5.1.1",
    "a number that is lower than the last one",
    [hello, headers(5, get), headers(3, get)],
    "STREAM_CLOSED",
  ],
  ["6.1", "DATA without a stream", [hello, data(0, "a")], "PROTOCOL_ERROR"],
  ["6.1", "padding as long as the frame", [hello, headers(1, post, 4), frame(0, 8, 1, hex("0161"))], "ok"],
  [
    "6.1",
    "padding longer than the frame",
    [hello, headers(1, post, 4), frame(0, 8, 1, hex("0261"))],
    "PROTOCOL_ERROR",
  ],
  [
    "6.1",
    "a padded frame without its length",
    [hello, headers(1, post, 4), frame(0, 8, 1)],
    "FRAME_SIZE_ERROR",
  ],
  ["6.2", "HEADERS without a stream", [hello, headers(0, get)], "PROTOCOL_ERROR"],
  ["6.2", "HEADERS with too much padding", [hello, frame(1, 0xd, 1, hex("0a82"))], "PROTOCOL_ERROR"],
  [
    "6.2",
    "HEADERS that are too short for their flags",
    [hello, frame(1, 0x25, 1, hex("00"))],
    "PROTOCOL_ERROR",
  ],
  ["6.3", "PRIORITY without a stream", [hello, frame(2, 0, 0, priority(1))], "PROTOCOL_ERROR"],
  ["6.3", "PRIORITY of a wrong length", [hello, frame(2, 0, 1, Buffer.alloc(4))], "FRAME_SIZE_ERROR"],
  ["5.3", "a stream that depends on itself", [hello, frame(2, 0, 1, priority(1))], "PROTOCOL_ERROR"],
  ["6.4", "RST_STREAM without a stream", [hello, reset(0)], "PROTOCOL_ERROR"],
  [
    "6.4",
    "RST_STREAM of a wrong length",
    [hello, headers(1, get), frame(3, 0, 1, empty)],
    "FRAME_SIZE_ERROR",
  ],
  ["6.5", "SETTINGS on a stream", [hello, frame(4, 0, 1)], "PROTOCOL_ERROR"],
  ["6.5", "SETTINGS of a wrong length", [hello, frame(4, 0, 0, Buffer.alloc(5))], "FRAME_SIZE_ERROR"],
  ["6.5", "an acknowledgement with content", [hello, frame(4, 1, 0, Buffer.alloc(6))], "FRAME_SIZE_ERROR"],
  ["6.5.2", "ENABLE_PUSH 2", [hello, settings([2, 2])], "PROTOCOL_ERROR"],
  ["6.5.2", "INITIAL_WINDOW_SIZE 2^31", [hello, settings([4, 2 ** 31])], "FLOW_CONTROL_ERROR"],
  ["6.5.2", "MAX_FRAME_SIZE 16383", [hello, settings([5, 16_383])], "PROTOCOL_ERROR"],
  ["6.5.2", "MAX_FRAME_SIZE 2^24", [hello, settings([5, 2 ** 24])], "PROTOCOL_ERROR"],
  ["8441 3", "ENABLE_CONNECT_PROTOCOL 2", [hello, settings([8, 2])], "PROTOCOL_ERROR"],
  [
    "8441 3",
    "ENABLE_CONNECT_PROTOCOL taken back",
    [hello, settings([8, 1]), settings([8, 0])],
    "PROTOCOL_ERROR",
  ],
  ["6.6", "PUSH_PROMISE from a client", [hello, headers(1, get), frame(5, 4, 1, word(2))], "PROTOCOL_ERROR"],
  ["6.7", "PING on a stream", [hello, frame(6, 0, 1, Buffer.alloc(8))], "PROTOCOL_ERROR"],
  ["6.7", "PING of a wrong length", [hello, ping(0, Buffer.alloc(7))], "FRAME_SIZE_ERROR"],
  ["6.8", "GOAWAY on a stream", [hello, frame(7, 0, 1, Buffer.alloc(8))], "PROTOCOL_ERROR"],
  ["6.8", "GOAWAY that is too short", [hello, frame(7, 0, 0, Buffer.alloc(7))], "FRAME_SIZE_ERROR"],
  ["6.9", "WINDOW_UPDATE of 0 for the connection", [hello, windowUpdate(0, 0)], "PROTOCOL_ERROR"],
  ["6.9", "WINDOW_UPDATE of a wrong length", [hello, frame(8, 0, 0, Buffer.alloc(3))], "FRAME_SIZE_ERROR"],
  [
    "6.9.1",
    "a window of the connection above 2^31 - 1",
    [hello, windowUpdate(0, 2 ** 31 - 1)],
    "FLOW_CONTROL_ERROR",
  ],
  [
    "6.9.2",
    "a window of a stream above 2^31 - 1 by SETTINGS",
    [hello, headers(1, get), windowUpdate(1, 2 ** 31 - 65_536), settings([4, 65_537])],
    "FLOW_CONTROL_ERROR",
  ],
  ["6.10", "CONTINUATION without HEADERS", [hello, frame(9, 4, 1, block(get))], "PROTOCOL_ERROR"],
  [
    "6.10",
    "CONTINUATION behind the end of a block",
    [hello, headers(1, get), frame(9, 4, 1)],
    "PROTOCOL_ERROR",
  ],
  ["6.10", "CONTINUATION of another stream", [hello, headers(1, get, 1), frame(9, 4, 3)], "PROTOCOL_ERROR"],
  ["9218 7.1", "PRIORITY_UPDATE on a stream", [hello, frame(16, 0, 1, word(1))], "PROTOCOL_ERROR"],
  ["9218 7.1", "PRIORITY_UPDATE for no stream", [hello, frame(16, 0, 0, word(0))], "PROTOCOL_ERROR"],
];

for (const [section, what, frames, code] of connectionErrors)
  test(`RFC ${section.includes(" ") ? "" : "9113 "}${section}: ${what}`, () => {
    const { lines, owner } = say(frames);
    if (code === "ok") {
      assert.equal(owner.error, undefined);
      return;
    }
    assert.match(lines.at(-1) ?? "", new RegExp(`^goAway \\d+ ${code}$`));
    assert.ok(owner.error !== undefined);
    assert.ok(owner.requests.every(({ complete, fault }) => complete || fault !== undefined));
  });

const with_ = (...pairs: Pairs): Pairs => [...get, ...pairs];
const without = (name: string, ...pairs: Pairs): Pairs => [
  ...get.filter(([each]) => each !== name),
  ...pairs,
];
const connect: Pairs = [[":method", "CONNECT"], [":protocol", "websocket"], ...get.slice(1)];

const malformedHeads: readonly (readonly [section: string, what: string, pairs: Pairs])[] = [
  ["8.2", "an upper case name", with_(["X-A", "b"])],
  ["8.2", "an empty name", with_(["", "b"])],
  ["8.2.1", "a name with a space", with_(["a b", "c"])],
  ["8.2.1", "a name with a colon", with_(["a:", "c"])],
  ["8.2.1", "CR in a value", with_(["a", "b\rc"])],
  ["8.2.1", "LF in a value", with_(["a", "b\nc"])],
  ["8.2.1", "NUL in a value", with_(["a", "b\0c"])],
  ["8.2.1", "a value that begins with a space", with_(["a", " b"])],
  ["8.2.1", "a value that ends with a tab", with_(["a", "b\t"])],
  ["8.2.2", "Connection", with_(["connection", "close"])],
  ["8.2.2", "Keep-Alive", with_(["keep-alive", "timeout=5"])],
  ["8.2.2", "Proxy-Connection", with_(["proxy-connection", "close"])],
  ["8.2.2", "Transfer-Encoding", with_(["transfer-encoding", "chunked"])],
  ["8.2.2", "Upgrade", with_(["upgrade", "websocket"])],
  ["8.2.2", "TE other than trailers", with_(["te", "gzip"])],
  ["8.3", "an unknown pseudo-field", with_([":other", "a"])],
  ["8.3", "a pseudo-field behind a field", [["a", "b"], ...get]],
  ["8.3", "a pseudo-field behind a field that is dropped", [["x_a", "b"], ...get]],
  ["8.3", "a pseudo-field of responses", [...get, [":status", "200"]]],
  ["8.3.1", "no method", without(":method")],
  ["8.3.1", "no scheme", without(":scheme")],
  ["8.3.1", "no path", without(":path")],
  ["8.3.1", "two methods", [...get, [":method", "GET"]]],
  ["8.3.1", "two schemes", [...get, [":scheme", "http"]]],
  ["8.3.1", "two paths", [...get, [":path", "/"]]],
  ["8.3.1", "two authorities", [...get, [":authority", "a.test"]]],
  ["8.3.1", "an empty path", without(":path", [":path", ""])],
  ["8.3.1", "a path with a space", without(":path", [":path", "/a b"])],
  ["8.3.1", "a path that begins otherwise", without(":path", [":path", "a"])],
  ["8.3.1", "a whole URI as the path", without(":path", [":path", "http://a.test/"])],
  ["8.3.1", "* with another method than OPTIONS", without(":path", [":path", "*"])],
  ["8.3.1", "a method with a space", without(":method", [":method", "GE T"])],
  ["8.3.1", "another scheme", without(":scheme", [":scheme", "ftp"])],
  ["8.1.1", "a Content-Length that is no number", with_(["content-length", "+1"])],
  ["8.1.1", "two Content-Length", with_(["content-length", "0"], ["content-length", "0"])],
  ["8.1.1", "a Content-Length without DATA", with_(["content-length", "1"])],
  ["8.5", "CONNECT with a path", [[":method", "CONNECT"], ...get.slice(1)]],
  ["8441 4", ":protocol with another method", [[":protocol", "websocket"], ...get]],
  ["8441 4", ":protocol without a path", connect.filter(([name]) => name !== ":path")],
];

for (const [section, what, pairs] of malformedHeads)
  test(`a malformed request is reset and never heard of, RFC ${section}: ${what}`, () => {
    const { lines, requests, owner } = say([hello, headers(1, pairs), headers(3, get)]);
    assert.deepEqual(lines, ["reset 1 PROTOCOL_ERROR"]);
    assert.equal(requests.length, 1, "the next one is");
    assert.equal(owner.error, undefined);
  });

const upload = with_();
const streamErrors: readonly (readonly [section: string, what: string, frames: Buffer[], code: string])[] = [
  [
    "8.1.1",
    "more DATA than Content-Length",
    [headers(1, [...upload, ["content-length", "1"]], 4), data(1, "ab")],
    "PROTOCOL_ERROR",
  ],
  [
    "8.1.1",
    "less DATA than Content-Length",
    [headers(1, [...upload, ["content-length", "3"]], 4), data(1, "ab")],
    "PROTOCOL_ERROR",
  ],
  [
    "8.1.1",
    "less DATA than Content-Length, ended by trailers",
    [headers(1, [...upload, ["content-length", "3"]], 4), data(1, "ab", 0), headers(1, [["a", "b"]])],
    "PROTOCOL_ERROR",
  ],
  ["8.1", "a second head", [headers(1, upload, 4), headers(1, [["a", "b"]], 4)], "PROTOCOL_ERROR"],
  [
    "8.1",
    "a pseudo-field in trailers",
    [headers(1, upload, 4), headers(1, [[":path", "/"]])],
    "PROTOCOL_ERROR",
  ],
  [
    "8.2",
    "an upper case name in trailers",
    [headers(1, upload, 4), headers(1, [["A", "b"]])],
    "PROTOCOL_ERROR",
  ],
  ["5.1", "DATA behind the end", [headers(1, get), data(1, "a")], "STREAM_CLOSED"],
  ["5.1", "HEADERS behind the end", [headers(1, get), headers(1, [["a", "b"]])], "STREAM_CLOSED"],
  ["6.9", "WINDOW_UPDATE of 0", [headers(1, get), windowUpdate(1, 0)], "PROTOCOL_ERROR"],
  ["6.9.1", "a window above 2^31 - 1", [headers(1, get), windowUpdate(1, 2 ** 31 - 1)], "FLOW_CONTROL_ERROR"],
];

for (const [section, what, frames, code] of streamErrors)
  test(`an error of a stream ends it alone, RFC 9113 ${section}: ${what}`, () => {
    const apart = say([hello, ...frames, headers(3, get)]);
    assert.deepEqual(apart.lines, [`reset 1 ${code}`]);
    assert.deepEqual(
      apart.requests.map(({ stream, complete, fault }) => [stream.id, complete && fault === undefined]),
      [
        [1, false],
        [3, true],
      ].slice(apart.requests.length - 2),
    );
    const together = say([Buffer.concat([hello, ...frames, headers(3, get)])]);
    assert.deepEqual(together.lines, [`reset 1 ${code}`]);
    assert.deepEqual(
      together.requests.map(({ stream }) => stream.id),
      [3],
      "what goes wrong within its first read is never heard of",
    );
  });

test("more DATA than a stream's window is an error of the stream, more than the connection's one of that", () => {
  const part = Buffer.alloc(16_000);
  for (const [limits, error] of [
    [{ streamWindow: 65_535, connectionWindow: 1_000_000 }, "reset 1 FLOW_CONTROL_ERROR"],
    [{ streamWindow: 1_000_000, connectionWindow: 65_535 }, "goAway 1 FLOW_CONTROL_ERROR"],
  ] as const) {
    const owner = new RecordingServer();
    const server = new ServerConnection({ ...clientSideLimits, ...limits }, terms, owner, 0);
    const listener = new Listener();
    const send = (...frames: Buffer[]): void => {
      const bytes = Buffer.concat(frames);
      server.receive(bytes, 0, bytes.length, 0);
      listener.hear(drainOutput(server));
    };
    send(hello, headers(1, post, 4));
    owner.requests[0]!.accepts = false;
    // The first part is taken, so that there is credit for it; the other ones are held.
    let sent = 0;
    for (; sent < 10 && !listener.lines.includes(error); sent++) send(data(1, part, 0));
    assert.ok(sent === 5 || sent === 6, `${error}: ${sent}`);
    assert.equal(owner.requests[0]!.fault?.detail, "cut_short");
  }
});

test("what is sound as HTTP/2 and is still refused is told to who answers", () => {
  const long = "x".repeat(9_000);
  for (const [pairs, detail] of [
    [without(":path", [":path", "/../a"]), "above_root"],
    [without(":path", [":path", "/%zz"]), "bad_percent"],
    [without(":path", [":path", `/${long}`]), "target_too_long"],
    [without(":authority"), "host_missing"],
    [without(":authority", [":authority", "a@b"]), "bad_host"],
    [with_(["host", "a.test"], ["host", "a.test"]), "host_twice"],
    [with_(["host", "b.test"]), "host_differs"],
    [with_(["host", ""]), "host_differs"],
    [with_(["expect", "much"]), "expectation"],
    [
      [
        [":method", "CONNECT"],
        [":authority", "a.test:443"],
      ],
      "method_refused",
    ],
    [[[":method", "CONNECT"], [":protocol", "other"], ...get.slice(1)], "method_refused"],
    [with_(...Array.from({ length: 130 }, () => ["a", "b"] as const)), "head_too_large"],
    [with_(["a", long], ["b", long], ["c", long], ["d", long]), "head_too_large"],
  ] as const) {
    const bytes = block(pairs as Pairs);
    const frames = [frame(1, bytes.length > 16_384 ? 1 : 5, 1, bytes.subarray(0, 16_384))];
    for (let at = 16_384; at < bytes.length; at += 16_384)
      frames.push(frame(9, at + 16_384 >= bytes.length ? 4 : 0, 1, bytes.subarray(at, at + 16_384)));
    const { lines, requests } = say([hello, ...frames]);
    assert.deepEqual(lines, []);
    assert.deepEqual([requests[0]?.head, requests[0]?.fault?.detail], [undefined, detail]);
  }
});

test("names with an underscore are dropped, refused or passed as is configured", () => {
  const asked = with_(["x_a", "b"]);
  const under = (underscores: "drop" | "refuse" | "pass") =>
    say([hello, headers(1, asked)], { ...clientSideLimits, head: { ...clientSideLimits.head, underscores } })
      .requests[0]!;
  assert.equal(under("drop").head!.fields.findName("x_a"), -1);
  assert.equal(under("pass").head!.fields.findName("x_a"), 0);
  assert.equal(under("refuse").fault?.detail, "underscore_name");
});

test("a request is what its pseudo-fields say", () => {
  const pairs: Pairs = [
    [":method", "POST"],
    [":scheme", "https"],
    [":path", "/a/./%7eb?c=%7e"],
    [":authority", "A.test.:80"],
    ["te", "trailers"],
    ["expect", "100-Continue"],
    ["content-length", "2"],
    ["cookie", "a=1"],
    ["priority", "u=1, i"],
    ["cookie", "b=2"],
  ];
  const { requests } = say([hello, headers(1, pairs, 4), data(1, "ab", 0), headers(1, [["x-sum", "1"]])]);
  const { head, text, trailers, stream } = requests[0]!;
  const { fields, ...rest } = head!;
  assert.deepEqual(rest, {
    method: "POST",
    scheme: "http",
    authority: "A.test.:80",
    host: "a.test",
    path: "/a/~b",
    query: "?c=%7e",
    secondPath: undefined,
    length: 2,
    upgrade: "",
    expectsContinue: true,
    takesTrailers: true,
  });
  assert.equal(fields.value(fields.findName("cookie")), "a=1; b=2");
  assert.equal(fields.findName("cookie", fields.findName("cookie") + 1), -1);
  assert.deepEqual([text, trailers!.value(0), stream.urgency], ["ab", "1", 1]);
});

test("a host in place of the authority is taken, and OPTIONS asks for everything", () => {
  assert.equal(
    say([hello, headers(1, without(":authority", ["host", "b.test:1"]))]).requests[0]!.head!.host,
    "b.test",
  );
  const options: Pairs = [
    [":method", "OPTIONS"],
    [":scheme", "http"],
    [":path", "*"],
    [":authority", "a.test"],
  ];
  assert.equal(say([hello, headers(1, options)]).requests[0]!.head!.path, "*");
});

test("a tunnel is asked for with CONNECT and :protocol, where that is offered", () => {
  const { requests } = say([hello, headers(1, connect, 4), data(1, "ab", 0), data(1, "c")]);
  const { head, text, complete } = requests[0]!;
  assert.deepEqual(
    [head!.method, head!.upgrade, head!.path, text, complete],
    ["GET", "websocket", "/", "abc", true],
  );
  assert.equal(
    say([hello, headers(1, connect)]).requests[0]!.complete,
    true,
    "the client says no more from the start",
  );
  assert.deepEqual(say([hello, headers(1, connect, 4)], clientSideLimits, false).lines, [
    "reset 1 PROTOCOL_ERROR",
  ]);
});

test("frames and settings that nobody knows are passed over", () => {
  const { lines, requests } = say([
    hello,
    frame(0x77, 0xff, 0, Buffer.from("x")),
    headers(1, post, 4),
    frame(0x77, 0xff, 1, Buffer.from("x")),
    settings([0x77, 1], [1, 0], [3, 0], [6, 1]),
    frame(2, 0, 7, priority(5)),
    frame(1, 0x2d, 3, Buffer.concat([Buffer.from([2]), priority(0), block(get), Buffer.alloc(2)])),
    data(1, "a"),
  ]);
  assert.deepEqual([lines, requests.map(({ complete }) => complete)], [[], [true, true]]);
});

test("padding and empty frames are no part of a body", () => {
  const { requests } = say([
    hello,
    headers(1, post, 4),
    frame(0, 8, 1, hex("0361620000 00")),
    data(1, "", 0),
    frame(0, 9, 1, hex("0100")),
  ]);
  assert.deepEqual([requests[0]!.text, requests[0]!.complete], ["ab", true]);
});

test("Content-Length is the number that is known, or what a response without a body says of another one", () => {
  const said = listOf({ "content-length": "5" });
  for (const [status, length, fields, expected] of [
    [200, 3, said, "headers 1 :status=200 content-length=3"],
    [200, 3, listOf({}), "headers 1 :status=200 content-length=3"],
    [200, -1, said, "headers 1 :status=200"],
    [304, 0, said, "headers 1 :status=304 content-length=5 end"],
    [200, 0, said, "headers 1 :status=200 content-length=5 end"],
    [204, 0, said, "headers 1 :status=204 end"],
  ] as const) {
    const { requests, server } = say([hello, headers(1, get)]);
    requests[0]!.stream.response(responseHead(status, length, fields), true);
    assert.deepEqual(new Listener().hear(drainOutput(server)), [expected]);
  }
});

test("a response without a body ends with its head, and an early answer ends the request", () => {
  const { requests, server } = say([hello, headers(1, get), headers(3, post, 4)]);
  requests[0]!.stream.response(responseHead(204, 0), true);
  requests[0]!.stream.end(undefined);
  requests[1]!.stream.response(responseHead(200, 2), true);
  requests[1]!.stream.body(Buffer.from("no"), 0, 2, true);
  const heard = new Listener().hear(drainOutput(server));
  assert.deepEqual(heard, [
    "headers 1 :status=204 end",
    "headers 3 :status=200 content-length=2",
    "data 3 2 end",
    "reset 3 NO_ERROR",
  ]);
  assert.equal(server.count, 0);
});
