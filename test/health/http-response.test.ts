import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpResponse } from "../../src/health/http-response.ts";

/** What is read of a response that comes in these pieces. */
function read(pieces: readonly string[], method = "GET") {
  const seen = { statuses: [] as number[], body: "", ended: false, complete: false, error: "" };
  const response = new HttpResponse(method, {
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
