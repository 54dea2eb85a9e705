import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { everyByte, feed, ResponseRecorder, responseLimits } from "../recorder.ts";

const ok = (fields: string, body = ""): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
const hello = ok("Content-Length: 5\r\n", "hello");
const chunked = ok("Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");
const webSocket = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

interface Asked {
  readonly method?: string;
  readonly upgrade?: string;
  readonly cuts?: readonly number[];
}

function read(text: string, { method = "GET", upgrade = "", cuts = [] }: Asked = {}): ResponseRecorder {
  const recorder = new ResponseRecorder();
  recorder.backend.begin(method, upgrade, recorder);
  feed(recorder.backend, text, cuts);
  return recorder;
}

/** The reason for which each text is refused; nothing of it is handed on but interim responses. */
const refused: Readonly<Record<string, readonly [text: string, detail: string]>> = {
  "Content-Length and Transfer-Encoding": [
    ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "cl_te",
  ],
  "two lengths": [ok("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "cl_twice"],
  "a malformed length": [ok("Content-Length: +3\r\n", "abc"), "bad_content_length"],
  "another coding": [ok("Transfer-Encoding: gzip\r\n", "abc"), "te_unknown"],
  "chunks in HTTP/1.0": ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "te_http10"],
  "a folded field": [ok("X: a\r\n b\r\n"), "obs_fold"],
  "a bare line feed": [ok("X: a\nY: b\r\n"), "bare_lf"],
  "NUL in a value": [ok("X: a\0b\r\n"), "control_byte"],
  "a blank before a colon": [ok("X : a\r\n"), "blank_before_colon"],
  "HTTP/1.2": ["HTTP/1.2 200 OK\r\n\r\n", "bad_status_line"],
  "HTTP/2.0": ["HTTP/2.0 200 OK\r\n\r\n", "bad_status_line"],
  "a status of two digits": ["HTTP/1.1 20 OK\r\n\r\n", "bad_status_line"],
  "a status of four digits": ["HTTP/1.1 2000 OK\r\n\r\n", "bad_status_line"],
  "a status below 100": ["HTTP/1.1 099 OK\r\n\r\n", "bad_status_line"],
  "no status": ["HTTP/1.1\r\n\r\n", "bad_status_line"],
  "NUL in the phrase": ["HTTP/1.1 200 O\0K\r\n\r\n", "control_byte"],
  "an empty line before": [`\r\n${hello}`, "bad_status_line"],
  "another protocol": ["SSH-2.0-x\r\n", "bad_status_line"],
  "a switch that was not asked for": [webSocket, "unasked_switch"],
  "nine interim responses": ["HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9) + hello, "too_many_interim"],
  "a head that is too large": [ok(`X: ${"a".repeat(responseLimits.head)}\r\n`), "head_too_large"],
  "a Connection that names Set-Cookie": [ok("Connection: set-cookie\r\n"), "connection_field"],
  "a Connection that names very much": [ok(`Connection: ${"a,".repeat(17)}\r\n`), "connection_field"],
  "257 fields": [ok("X: a\r\n".repeat(257)), "too_many_fields"],
};

describe("responses that are refused", () => {
  for (const [what, [text, detail]] of Object.entries(refused))
    test(`${what}: ${detail}`, () => {
      for (const cuts of [[], everyByte(text)]) {
        const recorder = read(text, { cuts });
        recorder.backend.ended();
        assert.equal(recorder.detail, detail);
        assert.equal(recorder.fault?.status, 502);
        assert.equal(recorder.responses.length, 0);
        assert.equal(recorder.backend.state, "spent");
      }
    });

  test("what is too large is told apart from what is malformed", () => {
    const reason = (text: string): string | undefined => read(text).fault?.reason;
    assert.equal(reason(ok(`X: ${"a".repeat(responseLimits.head)}\r\n`)), "response_head_too_large");
    assert.equal(reason(ok("X : a\r\n")), "bad_response");
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["a part of its head", hello.slice(0, 20)],
    ["a part of its body", hello.slice(0, -1)],
    ["its head alone", ok("Content-Length: 5\r\n")],
    ["a part of a chunk", chunked.slice(0, -15)],
    ["all chunks but the last", chunked.slice(0, -5)],
    ["no empty line behind the last chunk", chunked.slice(0, -2)],
    ["an interim response alone", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ] as const)
    test(`one that is cut short: ${what}`, () => {
      const recorder = read(text);
      recorder.backend.ended();
      assert.equal(recorder.fault?.reason, "backend_closed");
      assert.equal(
        recorder.responses.some(({ complete }) => complete),
        false,
      );
    });

  test("a chunk that is malformed, behind others", () => {
    const recorder = read(ok("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"));
    feed(recorder.backend, "2\r\ncdX");
    assert.equal(recorder.detail, "bad_chunk");
    assert.equal(recorder.last.complete, false);
  });
});

describe("responses", () => {
  for (const [what, text, asked, length, body] of [
    ["of a length", hello, {}, 5, "hello"],
    ["in chunks", chunked, {}, -1, "hello"],
    ["without a phrase", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", {}, 0, ""],
    ["without a blank before no phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", {}, 0, ""],
    ["with a phrase beyond ASCII", "HTTP/1.1 200 \xe9\r\nContent-Length: 0\r\n\r\n", {}, 0, ""],
    ["with a status that nobody knows", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", {}, 0, ""],
    ["to HEAD, with a length", ok("Content-Length: 5\r\n"), { method: "HEAD" }, 0, ""],
    ["to HEAD, in chunks", ok("Transfer-Encoding: chunked\r\n"), { method: "HEAD" }, 0, ""],
    ["to HEAD, without a length", ok(""), { method: "HEAD" }, 0, ""],
    ["204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", {}, 0, ""],
    ["204 in chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", {}, 0, ""],
    ["304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", {}, 0, ""],
    ["304 without one", "HTTP/1.1 304 Not Modified\r\n\r\n", {}, 0, ""],
  ] as const)
    test(`${what}, split at every place, and then another one`, () => {
      for (let cut = 0; cut < text.length; cut++) {
        const recorder = read(text, { ...asked, cuts: [cut] });
        assert.equal(recorder.fault, undefined);
        assert.equal(recorder.stateAtEnd, "idle");
        assert.equal(recorder.backend.phrase, "", "an idle connection keeps no text of a head");
        recorder.backend.begin("GET", "", recorder);
        feed(recorder.backend, hello);
        assert.deepEqual(
          recorder.responses.map((its) => [its.length, its.body, its.complete, its.trailers]),
          [
            [length, body, true, undefined],
            [5, "hello", true, undefined],
          ],
        );
      }
    });

  test("until the connection ends", () => {
    for (const text of [ok("", "hel"), "HTTP/1.0 200 OK\r\n\r\nhel"]) {
      const recorder = read(text);
      feed(recorder.backend, "lo");
      assert.equal(recorder.last.complete, false);
      recorder.backend.ended();
      assert.equal(recorder.last.body, "hello");
      assert.equal(recorder.last.complete, true);
      assert.equal(recorder.stateAtEnd, "spent");
    }
  });

  for (const [fields, version, state] of [
    ["", "1.1", "idle"],
    ["Connection: close\r\n", "1.1", "spent"],
    ["Connection: x, Close\r\n", "1.1", "spent"],
    ["", "1.0", "spent"],
    ["Connection: keep-alive\r\n", "1.0", "idle"],
  ] as const)
    test(`HTTP/${version} with ${JSON.stringify(fields)} leaves the connection ${state}`, () => {
      const recorder = read(`HTTP/${version} 200 OK\r\n${fields}Content-Length: 2\r\n\r\nab`);
      assert.equal(recorder.stateAtEnd, state);
      assert.equal(recorder.backend.state, state);
    });

  test("bytes behind it leave it as it was, and the connection spent", () => {
    for (const [text, asked] of [
      [hello, {}],
      [chunked, {}],
      [ok("Content-Length: 5\r\n"), { method: "HEAD" }],
      [ok("Content-Length: 0\r\n"), {}],
      [ok("Transfer-Encoding: chunked\r\n", "0\r\nx: y\r\n\r\n"), {}],
    ] as const) {
      const recorder = read(`${text}HTTP/1.1 200 OK\r\n\r\n`, asked);
      assert.equal(recorder.fault, undefined);
      assert.equal(recorder.responses.length, 1);
      assert.equal(recorder.last.complete, true);
      assert.equal(recorder.stateAtEnd, "spent");
    }
  });

  test("bytes that nobody asked for end an idle connection, before and after a request", () => {
    const recorder = new ResponseRecorder();
    feed(recorder.backend, hello);
    assert.equal(recorder.backend.state, "spent");
    const another = read(hello);
    feed(another.backend, "H");
    assert.equal(another.backend.state, "spent");
    assert.equal(another.responses.length, 1);
    another.backend.ended();
    assert.equal(another.fault, undefined);
  });

  test("the head tells whether something follows at once", () => {
    assert.deepEqual(read(hello).follows, [true]);
    assert.deepEqual(read(hello, { cuts: [hello.length - 5] }).follows, [false]);
    assert.deepEqual(read(ok("Content-Length: 0\r\n")).follows, [true]);
    assert.deepEqual(read(chunked).follows, [true]);
    const head = ok("Transfer-Encoding: chunked\r\n");
    assert.deepEqual(read(chunked, { cuts: [head.length] }).follows, [false]);
    assert.deepEqual(read(chunked, { cuts: [head.length + 3] }).follows, [false]);
    assert.deepEqual(read(chunked, { cuts: [head.length + 4] }).follows, [true]);
  });

  test("trailers come with the end, and the ones with an underscore do not", () => {
    const text = ok("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nX: 1\r\nx_y: 2\r\n\r\n");
    for (let cut = 0; cut < text.length; cut++) {
      const recorder = read(text, { cuts: [cut] });
      assert.deepEqual(recorder.last.trailers, [["x", "1"]]);
      assert.equal(recorder.stateAtEnd, "idle");
    }
  });

  test("a head that is not whole yet does not hold the backend back", () => {
    const recorder = new ResponseRecorder();
    recorder.backend.begin("GET", "", recorder);
    for (const byte of hello) assert.equal(feed(recorder.backend, byte), true);
    assert.equal(recorder.last.body, "hello");
  });

  test("a full receiver holds the backend back, but not after the last part", () => {
    for (const text of [hello, chunked]) {
      const recorder = read(text.slice(0, text.indexOf("\r\n\r\n") + 4));
      recorder.accepts = false;
      const body = text.slice(text.indexOf("\r\n\r\n") + 4);
      assert.equal(feed(recorder.backend, body.slice(0, 4)), false);
      assert.equal(feed(recorder.backend, body.slice(4)), true);
      assert.equal(recorder.last.body, "hello");
    }
    const together = new ResponseRecorder();
    together.accepts = false;
    together.backend.begin("GET", "", together);
    assert.equal(feed(together.backend, chunked.slice(0, -5)), false, "with the head");
  });

  test("a request is not begun while another one is answered, nor on a spent connection", () => {
    const recorder = read(hello.slice(0, -2));
    assert.throws(() => recorder.backend.begin("GET", "", recorder), /length/);
    feed(recorder.backend, "loX");
    assert.throws(() => recorder.backend.begin("GET", "", recorder), /spent/);
  });

  for (const text of [hello, chunked, ok("Content-Length: 0\r\n"), ok("", "hello")])
    test(`nothing comes to a receiver that abandons with the head: ${JSON.stringify(text.slice(17, 34))}`, () => {
      const recorder = new ResponseRecorder();
      recorder.response = () => recorder.backend.abandon();
      recorder.body = () => assert.fail("a part of the body");
      recorder.end = () => assert.fail("the end");
      recorder.backend.begin("GET", "", recorder);
      assert.equal(feed(recorder.backend, text), true);
      recorder.backend.ended();
      assert.equal(recorder.backend.state, "spent");
      assert.equal(recorder.fault, undefined);
    });

  test("nothing comes to a receiver that has abandoned", () => {
    const recorder = read(hello.slice(0, -2));
    recorder.backend.abandon();
    feed(recorder.backend, "lo");
    recorder.backend.ended();
    assert.equal(recorder.last.body, "hel");
    assert.equal(recorder.fault, undefined);
    assert.equal(recorder.backend.state, "spent");
  });
});

describe("interim responses", () => {
  test("up to eight come before the final one, with whatever fields", () => {
    const text = `${"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n".repeat(7)}HTTP/1.1 100 Continue\r\n\r\n${hello}`;
    for (const cuts of [[], everyByte(text)]) {
      const recorder = read(text, { cuts });
      assert.deepEqual(recorder.last.interim, [...Array<number>(7).fill(103), 100]);
      assert.equal(recorder.last.body, "hello");
    }
  });

  test("they are counted anew for each request", () => {
    const text = `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(8)}${hello}`;
    const recorder = read(text);
    recorder.backend.begin("GET", "", recorder);
    feed(recorder.backend, text);
    assert.equal(recorder.fault, undefined);
    assert.equal(recorder.responses.length, 2);
  });
});

describe("a switch of protocols", () => {
  test("bytes behind the head are the tunnel's", () => {
    for (let cut = 0; cut < webSocket.length + 3; cut++) {
      const recorder = read(`${webSocket}abc`, { upgrade: "websocket", cuts: [cut] });
      assert.equal(recorder.switches, 1);
      feed(recorder.backend, "def");
      assert.equal(recorder.last.body, "abcdef");
      recorder.backend.ended();
      assert.equal(recorder.last.complete, true);
      assert.equal(recorder.backend.state, "spent");
    }
  });

  test("it must be to what was asked for, and say so", () => {
    for (const text of [
      webSocket.replace("websocket", "h2c"),
      webSocket.replace("Connection: Upgrade\r\n", ""),
      webSocket.replace("Upgrade: websocket\r\n", ""),
    ])
      assert.equal(read(text, { upgrade: "websocket" }).detail, "unasked_switch");
  });

  test("another answer leaves the connection as it was", () => {
    const recorder = read(hello, { upgrade: "websocket" });
    assert.equal(recorder.last.body, "hello");
    assert.equal(recorder.stateAtEnd, "idle");
  });
});
