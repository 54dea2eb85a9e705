import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Answer,
  answerWith,
  createAnswer,
  createGrpcAnswer,
  prefersJson,
  sendAnswer,
} from "../../src/http/answer.ts";
import { details, requestFaults, responseFaults } from "../../src/http/fault.ts";
import { scan, scanRequest } from "../../src/http/scan.ts";
import { limits, listOf, ResponseRecorder } from "./recorder.ts";

describe("an answer of umay's own", () => {
  const spec = { status: 400, reason: "bad_request", detail: "cl_te", requestId: "7" };

  /** Without the date, which each has. */
  const linesOf = ({ head, body }: Answer) => {
    const { date = "", ...fields } = Object.fromEntries(listOf(head.fields));
    assert.match(date, /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
    assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000);
    return { status: head.status, fields, body: String(body) };
  };

  test("is one line with the reason and the request's id", () => {
    assert.deepEqual(linesOf(createAnswer(spec, "GET", "text/html, */*")), {
      status: 400,
      fields: { "content-type": "text/plain; charset=utf-8", "content-length": "48" },
      body: "400 Bad Request: bad_request (cl_te), request 7\n",
    });
    const { body } = createAnswer({ status: 503, reason: "no_backend" }, "GET", "");
    assert.equal(String(body), "503 Service Unavailable: no_backend\n");
  });

  test("is a problem in JSON for who prefers that", () => {
    const { body, fields } = linesOf(createAnswer(spec, "GET", "application/json"));
    assert.equal(fields["content-type"], "application/problem+json");
    assert.deepEqual(JSON.parse(body), {
      ...{ title: "Bad Request", status: 400, reason: "bad_request", detail: "cl_te", request_id: "7" },
    });
  });

  for (const [accept, expected] of [
    ["", false],
    ["*/*", false],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false],
    ["application/json", true],
    ["Application/Problem+JSON", true],
    ["application/json, text/plain, */*", true],
    ["text/plain, application/json", false],
    ["text/plain;q=0.5, application/json;q=0.6", true],
    ["application/json;q=0.5, text/html", false],
    ["application/json; q=0", false],
    ["application/json;q=x", false],
    ["application/json;charset=utf-8;q=0.1", true],
    ["application/jsonx", false],
  ] as const)
    test(`${JSON.stringify(accept)} ${expected ? "prefers" : "does not prefer"} JSON`, () =>
      assert.equal(prefersJson(accept), expected));

  test("says with 405 what is served", () => {
    const { fields } = linesOf(createAnswer({ status: 405, reason: "method_refused" }, "TRACE", ""));
    assert.equal(fields["allow"], "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  });

  test("has no body for HEAD, but its length", () => {
    const { head, body } = createAnswer(spec, "HEAD", "");
    assert.equal(head.length + body.length, 0);
    assert.equal(Object.fromEntries(listOf(head.fields))["content-length"], "48");
  });

  test("is for gRPC a status among the fields", () => {
    assert.deepEqual(linesOf(createGrpcAnswer({ status: 504, reason: "try_timeout" })), {
      status: 200,
      fields: { "content-type": "application/grpc", "grpc-status": "4", "grpc-message": "try_timeout" },
      body: "",
    });
    assert.equal(linesOf(createGrpcAnswer({ status: 500, reason: "x" })).fields["grpc-status"], "2");
    const invalid = createGrpcAnswer({ status: 500, reason: "invalid_backend" });
    assert.equal(linesOf(invalid).fields["grpc-status"], "14");
  });

  test("is made of lines that are fields, and leaves the message that is being read", () => {
    const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    scanRequest(bytes, 0, bytes.length, limits);
    assert.throws(() => answerWith(200, "a b: c\r\n", Buffer.alloc(0), "GET"), /no fields/);
    answerWith(200, "a: b\r\n", Buffer.alloc(0), "GET");
    assert.deepEqual(listOf(scan.fields), [["host", "a"]]);
  });

  test("is handed over whole, and stays as it is for the next one", () => {
    const answer = createAnswer(spec, "GET", "");
    for (const _ of [1, 2]) {
      const recorder = new ResponseRecorder();
      sendAnswer(answer, recorder);
      assert.equal(recorder.last.body, "400 Bad Request: bad_request (cl_te), request 7\n");
      assert.equal(recorder.last.complete, true);
    }
    const recorder = new ResponseRecorder();
    sendAnswer(createAnswer(spec, "HEAD", ""), recorder);
    assert.equal(recorder.last.complete, true);
  });
});

test("every fault of a request is answered with 4xx or 5xx, every one of a response with 502", () => {
  for (const detail of Object.keys(details) as (keyof typeof details)[]) {
    assert.ok(requestFaults[detail].status >= 400);
    assert.equal(responseFaults[detail].status, 502);
    assert.equal(requestFaults[detail].detail, detail);
  }
});
