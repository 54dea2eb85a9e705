import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readChunkLine, readFieldLine, readStatusLine } from "../../src/http/response-lines.ts";
import { ResponseReader } from "../../src/http/response-reader.ts";

const mostBytes = 100_000;

/** What is read of a response that comes in these pieces. */
function read(pieces: Iterable<string>, method = "GET") {
  const seen = { statuses: [] as number[], body: "", ended: false, complete: false, error: "" };
  const response = new ResponseReader(method, mostBytes, {
    status: (status) => seen.statuses.push(status),
    body: (part) => {
      seen.body += part.toString("latin1");
    },
    end: () => {
      seen.ended = true;
    },
  });
  try {
    for (const piece of pieces) response.push(Buffer.from(piece, "latin1"));
    seen.complete = response.ended();
  } catch (error) {
    seen.error = (error as Error).message;
  }
  return seen;
}

const ok = "HTTP/1.1 200 OK\r\n";
const good: readonly (readonly [string, string, string?])[] = [
  [`${ok}\r\nuntil the end`, "until the end"],
  ["HTTP/1.0 200\r\n\r\nold", "old"],
  [`${ok}Content-Length: 5\r\n\r\nhello and more`, "hello"],
  [`${ok}content-length:0\r\n\r\nmore`, ""],
  [`${ok}Content-Length: 5\r\nContent-Length: 5 \r\n\r\nhello`, "hello"],
  [
    `${ok}Transfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n00B\r\n and a \r\n. \r\n0\r\nX: y\r\n\r\n!`,
    "hello and a \r\n. ",
  ],
  [`${ok}Transfer-Encoding: gzip\r\n\r\nzip`, "zip"],
  [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}\r\nat last`, "at last"],
  [`${ok}Content-Length: 5\r\n\r\nhello`, "", "HEAD"],
];

test("the body is read as its framing says, in whatever pieces the response comes", () => {
  for (const [text, body, method] of good)
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        const seen = read(pieces, method);
        assert.deepEqual(seen, { statuses: [200], body, ended: true, complete: true, error: "" });
      }),
      { numRuns: 50 },
    );
});

test("204, 304 and 101 have no body", () => {
  for (const status of [101, 204, 304]) {
    const seen = read([`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\nhello`]);
    assert.deepEqual([seen.statuses, seen.body, seen.complete], [[status], "", true]);
  }
});

test("a response that is cut short anywhere is not complete", () => {
  for (const [text, , method] of good) {
    if (!/content-length: 5\r\n\r|chunked/i.test(text) || method === "HEAD") continue;
    const end = text.search(/ and more|!$/);
    for (let length = 0; length < (end === -1 ? text.length : end); length++)
      assert.deepEqual([read([text.slice(0, length)]).complete, length], [false, length]);
  }
});

test("what is malformed is said, as soon as it is seen", () => {
  for (const [text, expected] of [
    ["SSH-2.0", /not HTTP/],
    ["HTTP/2.0 200 OK\r\n", /not HTTP/],
    ["HTTP/1.1 2000 OK\r\n", /status line "HTTP\/1\.1 2000 OK" is malformed/],
    ["HTTP/1.1 OK\r\n", /status line/],
    ["HTTP/1.1 200 O\0K\r\n", /status line/],
    ["HTTP/1.1 200 OK\n", /line/],
    [`${ok}no colon\r\n`, /header line "no colon"/],
    [`${ok}a b: c\r\n`, /header line/],
    [`${ok}a: \x01\r\n`, /header line/],
    [`${ok} folded\r\n`, /header line/],
    [`${ok}Content-Length: -1\r\n`, /header line/],
    [`${ok}Content-Length: 1\r\nContent-Length: 2\r\n`, /header line/],
    [`${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, /both/],
    [`${ok}Transfer-Encoding: chunked\r\n\r\nx\r\n`, /chunk "x"/],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`, /chunk "b"/],
    [`${ok}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n`, /chunk/],
    [`${ok}a: ${"x".repeat(17_000)}`, /longer than 16384/],
  ] as const)
    assert.match(read([text]).error, expected, JSON.stringify(text.slice(0, 80)));
});

/** Bytes that count how often one of them is looked at. */
function counted(text: string): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const bytes = new Proxy(Buffer.from(text, "latin1"), {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, target);
    },
  });
  return { bytes, reads: () => reads };
}

test("a line is looked at a fixed number of times for each of its bytes, whatever is in it", () => {
  for (const [read, text] of [
    [readFieldLine, `a:${" ".repeat(16_200)}\x01`],
    [readFieldLine, `a: ${" x".repeat(8_000)}\x7f`],
    [readFieldLine, "a".repeat(16_200)],
    [readChunkLine, `1${" ".repeat(16_200)}x`],
    [readChunkLine, `1;${" ;".repeat(8_000)}\x01`],
    [readStatusLine, `HTTP/1.1 200 ${" ".repeat(16_200)}\x01`],
  ] as const) {
    const { bytes, reads } = counted(text);
    assert.equal(read(bytes), undefined);
    assert.ok(reads() <= 4 * text.length, `${reads()} for ${text.length}`);
  }
});

test("a response without end fails: heads, interim responses, chunks, extensions, trailers, bodies", () => {
  const endless = (begin: string, more: string, step = more.length) => {
    let pushed = 0;
    function* pieces() {
      yield begin;
      for (; pushed < 2 ** 20; pushed += step)
        for (let at = 0; at < more.length; at += step) yield more.slice(at, at + step);
    }
    return { ...read(pieces()), pushed };
  };
  const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
  for (const [begin, more, expected, step] of [
    [ok, "a: b\r\n", /header is longer than 16384/],
    [ok, "x", /header is longer than 16384/],
    ["", "HTTP/1.1 103 x\r\n\r\n", /more than 8 interim responses/],
    [`${ok}\r\n`, "a body without end", /longer than 100000 bytes/],
    [`${ok}Content-Length: 999999999\r\n\r\n`, "a body without end", /longer than 100000 bytes/],
    [chunked, "1\r\nx\r\n", /longer than 100000 bytes/],
    [chunked, "1\r\nx\r\n", /longer than 100000 bytes/, 1],
    [chunked, `1;${"x".repeat(16_000)}\r\nx\r\n`, /longer than 100000 bytes/],
    [chunked, `1;${"x".repeat(17_000)}\r\nx\r\n`, /header is longer than 16384/],
    [`${chunked}0\r\n`, "a: b\r\n", /header is longer than 16384/],
  ] as const) {
    const { error, pushed } = endless(begin, more, step);
    assert.match(error, expected);
    assert.ok(pushed <= mostBytes + 20_000, `${pushed}`);
  }
});
