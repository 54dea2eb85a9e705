import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAnswer, createGrpcAnswer, prefersJson } from "../../src/http/answer.ts";
import { details, requestFaults, responseFaults } from "../../src/http/fault.ts";
import { answerText, continueText } from "../../src/http/http1/answer-text.ts";
import { feed, ResponseRecorder } from "./recorder.ts";

describe("an answer of umay's own", () => {
  const spec = { status: 400, reason: "bad_request", detail: "cl_te", requestId: "7" };

  test("is one line with the reason and the request's id", () => {
    assert.deepEqual(createAnswer(spec, "text/html, */*"), {
      status: 400,
      fields: [["content-type", "text/plain; charset=utf-8"]],
      body: "400 Bad Request: bad_request (cl_te), request 7\n",
    });
    assert.equal(
      createAnswer({ status: 503, reason: "no_backend" }, "").body,
      "503 Service Unavailable: no_backend\n",
    );
  });

  test("is a problem in JSON for who prefers that", () => {
    const { body, fields } = createAnswer(spec, "application/json");
    assert.deepEqual(fields, [["content-type", "application/problem+json"]]);
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
    assert.deepEqual(createAnswer({ status: 405, reason: "method_refused" }, "").fields[1], [
      "allow",
      "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    ]);
  });

  test("is for gRPC a status among the fields", () => {
    assert.deepEqual(createGrpcAnswer({ status: 504, reason: "try_timeout" }), {
      status: 200,
      fields: [
        ["content-type", "application/grpc"],
        ["grpc-status", "4"],
        ["grpc-message", "try_timeout"],
      ],
      body: "",
    });
    assert.equal(createGrpcAnswer({ status: 500, reason: "x" }).fields[1]?.[1], "2");
  });

  for (const method of ["GET", "HEAD"])
    test(`is read as it was meant by who asked with ${method}`, () => {
      const recorder = new ResponseRecorder();
      recorder.backend.begin(method, "", recorder);
      feed(recorder.backend, continueText + answerText(createAnswer(spec, ""), method, "", "date: now\r\n"));
      const { status, fields, body, interim } = recorder.last;
      assert.deepEqual(interim, [100]);
      assert.equal(status, 400);
      assert.deepEqual(fields.slice(1), [
        ["content-length", "48"],
        ["date", "now"],
      ]);
      assert.equal(body, method === "HEAD" ? "" : "400 Bad Request: bad_request (cl_te), request 7\n");
      assert.equal(recorder.stateAtEnd, "idle");
    });

  test("has no length where a response has no body, and says that the connection ends", () => {
    const text = answerText({ status: 204, fields: [], body: "" }, "OPTIONS", "close", "");
    assert.equal(text, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
  });
});

test("every fault of a request is answered with 4xx or 5xx, every one of a response with 502", () => {
  for (const detail of Object.keys(details) as (keyof typeof details)[]) {
    assert.ok(requestFaults[detail].status >= 400);
    assert.equal(responseFaults[detail].status, 502);
    assert.equal(requestFaults[detail].detail, detail);
  }
});
