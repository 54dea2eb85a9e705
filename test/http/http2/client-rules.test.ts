import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import { backendSideLimits } from "../../../src/http/http2/limits.ts";
import { preface } from "../../../src/http/http2/protocol.ts";
import type { RequestHead } from "../../../src/http/message.ts";
import { drainOutput, listOf, Owner, pairsOf, ResponseRecorder, requestHead } from "./support.ts";
import {
  data,
  frame,
  headers,
  hex,
  Listener,
  type Pairs,
  ping,
  reset,
  settings,
  windowUpdate,
  word,
} from "./wire.ts";

const hello = Buffer.concat([settings(), frame(4, 1, 0)]);

/** A client that has sent a request, and what it says to these frames. */
function ask(frames: readonly Buffer[], head: Partial<RequestHead> = {}) {
  const owner = new Owner();
  const client = new ClientConnection(backendSideLimits, owner, 0);
  const user = new ResponseRecorder();
  const stream = client.request(requestHead(head), head.upgrade === undefined, user);
  const listener = new Listener();
  const first = drainOutput(client);
  assert.deepEqual(first.subarray(0, preface.length), preface);
  const asked = listener.hear(first.subarray(preface.length));
  for (const bytes of frames) client.receive(Buffer.from(bytes), 0, bytes.length, 0);
  const lines = listener.hear(drainOutput(client)).filter((line) => !/^(settings ack|ping ack)/.test(line));
  return { owner, client, user, stream, asked, lines };
}

const goAway = (last: number, code = 0): Buffer => frame(7, 0, 0, Buffer.concat([word(last), word(code)]));
const ok: Pairs = [[":status", "200"]];

test("what a client says first: the preface, SETTINGS without pushes, its window, and the request", () => {
  const { asked } = ask([], {
    method: "GET",
    path: "/a",
    query: "?b",
    takesTrailers: true,
    fields: listOf({ host: "other", connection: "close", "x-a": "b", te: "gzip", "content-length": "0" }),
  });
  assert.deepEqual(asked, [
    "settings",
    "windowUpdate 0 6488065",
    "headers 1 :method=GET :scheme=http :authority=a.test :path=/a?b x-a=b content-length=0 te=trailers end",
  ]);
});

test("a head's edits: fields left out and lines added; Content-Length is the number that is known", () => {
  const fields = listOf({ "x-a": "1", "x-b": "2", "content-length": "007" });
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  client.request(requestHead({ method: "POST", fields, length: 7 }), false, new ResponseRecorder(), {
    dropped: Uint8Array.of(1, 0, 0),
    lines: "x-c: 3: 4\r\nx-d: \r\n",
  });
  assert.equal(
    new Listener().hear(drainOutput(client).subarray(preface.length)).at(-1),
    "headers 1 :method=POST :scheme=http :authority=a.test :path=/ x-b=2 content-length=7 x-c=3: 4 x-d=",
  );
});

const connectionErrors: readonly (readonly [
  section: string,
  what: string,
  frames: Buffer[],
  code: string,
])[] = [
  ["3.4", "no SETTINGS first", [ping()], "PROTOCOL_ERROR"],
  ["3.4", "HTTP/1", [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")], "FRAME_SIZE_ERROR"],
  ["5.1", "HEADERS on a stream that nobody began", [hello, headers(3, ok)], "PROTOCOL_ERROR"],
  ["5.1", "DATA on a stream that nobody began", [hello, data(3, "a")], "PROTOCOL_ERROR"],
  ["5.1", "RST_STREAM on a stream that nobody began", [hello, reset(3)], "PROTOCOL_ERROR"],
  ["5.1", "DATA behind the end of both", [hello, headers(1, ok), data(1, "a")], "STREAM_CLOSED"],
  ["5.1", "HEADERS behind the end of both", [hello, headers(1, ok), headers(1, ok)], "STREAM_CLOSED"],
  ["5.1.1", "a stream of the server's", [hello, headers(2, ok)], "PROTOCOL_ERROR"],
  ["6.5.2", "ENABLE_PUSH 1 from a server", [settings([2, 1])], "PROTOCOL_ERROR"],
  ["6.6", "PUSH_PROMISE, which was not allowed", [hello, frame(5, 4, 1, word(2))], "PROTOCOL_ERROR"],
  ["9218 7.1", "PRIORITY_UPDATE from a server", [hello, frame(16, 0, 0, word(1))], "PROTOCOL_ERROR"],
];

for (const [section, what, frames, code] of connectionErrors)
  test(`RFC ${section.includes(" ") ? "" : "9113 "}${section}: ${what}`, () => {
    const { lines, owner, client } = ask(frames);
    assert.equal(lines.at(-1), `goAway 0 ${code}`);
    assert.ok(owner.error !== undefined && client.room === 0);
  });

const malformed: readonly (readonly [what: string, frames: Buffer[], method?: string])[] = [
  ["no status", [headers(1, [["a", "b"]])]],
  ["a status of two digits", [headers(1, [[":status", "20"]])]],
  ["a status that is no number", [headers(1, [[":status", "2x0"]])]],
  ["status 101", [headers(1, [[":status", "101"]], 4)]],
  ["two statuses", [headers(1, [...ok, ...ok])]],
  ["a pseudo-field of requests", [headers(1, [...ok, [":path", "/"]])]],
  ["a field for one connection", [headers(1, [...ok, ["connection", "close"]])]],
  ["an interim answer that ends the stream", [headers(1, [[":status", "103"]])]],
  ["DATA before the head", [data(1, "a")]],
  ["DATA behind an interim answer", [headers(1, [[":status", "103"]], 4), data(1, "a")]],
  ["a second head", [headers(1, ok, 4), headers(1, ok, 4)]],
  ["a status in trailers", [headers(1, ok, 4), headers(1, ok)]],
  ["more DATA than Content-Length", [headers(1, [...ok, ["content-length", "1"]], 4), data(1, "ab")]],
  ["less DATA than Content-Length", [headers(1, [...ok, ["content-length", "3"]], 4), data(1, "ab")]],
  ["DATA behind a head that has none", [headers(1, [[":status", "204"]], 4), data(1, "a")]],
  ["DATA in an answer to HEAD", [headers(1, ok, 4), data(1, "a")], "HEAD"],
];

for (const [what, frames, method = "GET"] of malformed)
  test(`a malformed response is reset and fails: ${what}`, () => {
    const { lines, user, owner, client } = ask([hello, ...frames], { method });
    assert.deepEqual(lines, ["reset 1 PROTOCOL_ERROR"]);
    assert.deepEqual(
      [user.fault?.status, user.complete, owner.error, client.count],
      [502, false, undefined, 0],
    );
  });

test("a response is what it says, with interim answers before it and trailers behind it", () => {
  const frames = [
    headers(
      1,
      [
        [":status", "103"],
        ["link", "x"],
      ],
      4,
    ),
    headers(1, [...ok, ["x-a", "b"]], 4),
    data(1, "body", 0),
    headers(1, [["grpc-status", "0"]]),
  ];
  const { user, client } = ask([hello, ...frames]);
  assert.deepEqual(user.interims, [103]);
  assert.deepEqual([user.head!.status, user.head!.length, pairsOf(user.head!.fields)], [200, -1, ["x-a: b"]]);
  assert.deepEqual([user.text, user.complete, pairsOf(user.trailers!)], ["body", true, ["grpc-status: 0"]]);
  assert.equal(client.count, 0);
});

test("answers without a body are complete with their head, whatever length they name", () => {
  for (const [pairs, method] of [
    [[...ok, ["content-length", "5"]], "HEAD"],
    [
      [
        [":status", "304"],
        ["content-length", "5"],
      ],
      "GET",
    ],
    [[[":status", "204"]], "GET"],
    [ok, "GET"],
  ] as const) {
    const { user } = ask([hello, headers(1, pairs)], { method });
    assert.deepEqual([user.complete, user.head!.length, user.fault], [true, 0, undefined]);
  }
});

test("more than 8 interim answers end the stream", () => {
  const early = headers(1, [[":status", "103"]], 4);
  assert.equal(ask([hello, ...Array(8).fill(early), headers(1, ok)]).user.complete, true);
  const { user, lines } = ask([hello, ...Array(9).fill(early)]);
  assert.deepEqual([user.fault?.detail, lines], ["too_many_interim", ["reset 1 ENHANCE_YOUR_CALM"]]);
});

test("a head that is too large ends its stream, and the next one is read right", () => {
  const large = [...ok, ...Array.from({ length: 300 }, (_, index) => [`x-${index}`, "v"] as const)];
  const { user, client, lines } = ask([hello, headers(1, large, 4)]);
  assert.deepEqual([user.fault?.reason, lines], ["response_head_too_large", ["reset 1 CANCEL"]]);
  const next = new ResponseRecorder();
  client.request(requestHead(), true, next);
  const bytes = headers(3, [...ok, ["x-0", "w"]]);
  client.receive(bytes, 0, bytes.length, 0);
  assert.deepEqual(pairsOf(next.head!.fields), ["x-0: w"]);
});

test("what a backend refused or never looked at may be sent elsewhere, what it cut may not", () => {
  const fault = (...frames: Buffer[]) => ask([hello, ...frames]).user.fault?.detail;
  assert.equal(fault(reset(1, 7)), "not_read");
  assert.equal(fault(goAway(0)), "not_read");
  assert.equal(fault(reset(1, 8)), "stream_reset");
  assert.equal(fault(headers(1, ok, 4), reset(1, 7)), "stream_reset");
  assert.equal(fault(goAway(1)), undefined);
  const { client, stream } = ask([hello, reset(1, 2)]);
  assert.deepEqual([stream.resetCode, client.room], [2, 100]);
});

test("GOAWAY leaves the streams up to its last one, takes no more, and ends with the last of them", () => {
  const { client, user, owner } = ask([hello, goAway(2 ** 31 - 1)]);
  assert.deepEqual([client.room, client.count, owner.isFinished], [0, 1, false]);
  for (const bytes of [goAway(1), headers(1, ok)]) client.receive(bytes, 0, bytes.length, 0);
  assert.deepEqual([user.complete, owner.isFinished, client.goAwayCode], [true, true, 0]);
});

test("a complete response stays one when the backend wants no more of the request", () => {
  const answered = Buffer.concat([headers(1, ok, 4), data(1, "ab"), reset(1, 0)]);
  const { user, stream, client } = ask([hello, answered], { upgrade: "" });
  assert.deepEqual([user.complete, user.text, user.fault, client.count], [true, "ab", undefined, 0]);
  assert.equal(stream.body(Buffer.from("more"), 0, 4, false), true, "what else is sent is dropped");
  assert.equal(drainOutput(client).length, 0);
});

test("the backend says how many streams it takes, at any time", () => {
  const { client } = ask([settings([3, 2])]);
  assert.equal(client.room, 1);
  const fewer = settings([3, 0]);
  client.receive(fewer, 0, fewer.length, 0);
  assert.equal(client.room, 0);
  const more = settings([3, 3]);
  client.receive(more, 0, more.length, 0);
  assert.equal(client.room, 2);
});

test("a window that was lowered below what was sent is negative, and waits (RFC 9113 section 6.9.2)", () => {
  const { client, stream } = ask([hello], { upgrade: "", method: "POST" });
  const body = Buffer.alloc(70_000, 1);
  assert.equal(stream.body(body, 0, body.length, true), false);
  const listener = new Listener();
  listener.hear(drainOutput(client));
  assert.equal(listener.bodies.get(1)!.length, 65_535);
  const then = (bytes: Buffer): number => {
    client.receive(bytes, 0, bytes.length, 0);
    listener.hear(drainOutput(client));
    return listener.bodies.get(1)!.length;
  };
  then(windowUpdate(0, 100_000));
  assert.equal(then(settings([4, 1_000])), 65_535);
  assert.equal(stream.outgoing.window, 1_000 - 65_535);
  assert.equal(then(windowUpdate(1, 64_535)), 65_535);
  assert.equal(then(windowUpdate(1, 1)), 65_536);
  assert.equal(then(settings([4, 2_000])), 66_536);
  assert.equal(then(windowUpdate(1, 10_000)), 70_000);
});

test("a tunnel is asked for as CONNECT, and begins with 200 (RFC 8441)", () => {
  const fields = listOf({ upgrade: "websocket", connection: "upgrade", "sec-websocket-version": "13" });
  const { asked, client, user, stream } = ask([settings([8, 1]), headers(1, ok, 4), data(1, "hi", 0)], {
    upgrade: "websocket",
    fields,
  });
  assert.equal(
    asked.at(-1),
    "headers 1 :method=CONNECT :protocol=websocket :scheme=http :authority=a.test :path=/ sec-websocket-version=13",
  );
  assert.deepEqual([client.takesTunnels, user.isSwitched, user.text], [true, true, "hi"]);
  stream.body(Buffer.from("you"), 0, 3, false);
  assert.deepEqual(new Listener().hear(drainOutput(client)), ["data 1 3"]);
  const refused = ask([hello, headers(1, [[":status", "403"]])], { upgrade: "websocket", fields });
  assert.deepEqual([refused.user.isSwitched, refused.user.head!.status], [false, 403]);
});

test("a cancelled request is reset, and what still comes of it is no error and credited", () => {
  const { client, stream, owner } = ask([hello, headers(1, ok, 4)]);
  stream.cancel();
  assert.deepEqual(new Listener().hear(drainOutput(client)), ["reset 1 CANCEL"]);
  for (const bytes of [data(1, "late", 0), headers(1, [["x", hex("61").toString()]]), reset(1)])
    client.receive(bytes, 0, bytes.length, 0);
  assert.deepEqual([owner.error, client.window.received, client.window.credited], [undefined, 4, 4]);
});
