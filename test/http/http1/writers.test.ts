import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { continueHead, createAnswer, sendAnswer } from "../../../src/http/answer.ts";
import { requestFaults } from "../../../src/http/fault.ts";
import type { Output } from "../../../src/http/http1/output.ts";
import { Http1RequestWriter } from "../../../src/http/http1/request-writer.ts";
import { Http1ResponseWriter } from "../../../src/http/http1/response-writer.ts";
import type { Fields, ResponseHead } from "../../../src/http/message.ts";
import { readFields } from "../../../src/http/scan.ts";
import { feed, RequestRecorder } from "../recorder.ts";

/** Each call as a text; `|` stands for the end of a write. */
class RecordingOutput implements Output {
  written = "";
  writes = 0;
  ended: "" | "closed" | "reset" = "";
  text(text: string): void {
    this.writes++;
    this.written += text;
  }
  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.text(bytes.toString("latin1", start, end));
    return true;
  }
  close(): void {
    this.ended = "closed";
  }
  reset(): void {
    this.ended = "reset";
  }
}

const withRoom = (text: string): [Buffer, number, number] => [
  Buffer.from(`${".".repeat(200)}${text}${".".repeat(20)}`, "latin1"),
  200,
  200 + text.length,
];
const withoutRoom = (text: string): [Buffer, number, number] => [Buffer.from(text), 0, text.length];

/** A client's connection with one request on it, and the writer of its response. */
function asked(text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
  const recorder = new RequestRecorder();
  recorder.answers = false;
  feed(recorder.front, text);
  const output = new RecordingOutput();
  return { recorder, output, writer: new Http1ResponseWriter(recorder.front, output) };
}

const head = (length: number, fields: Fields = readFields("a: b\r\n"), status = 200): ResponseHead => ({
  ...{ status, phrase: "OK", length, fields },
});
const ok = "HTTP/1.1 200 OK\r\na: b\r\n";

describe("the writer of responses", () => {
  test("sends head and body in one write, where there is room for that", () => {
    const { output, recorder, writer } = asked();
    writer.response(head(-1), true);
    assert.equal(output.writes, 0);
    writer.body(...withRoom("hello"), true);
    assert.equal(output.written, `${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
    assert.equal(output.writes, 1);
    assert.equal(recorder.front.state, "idle");
    assert.equal(output.ended, "");
  });

  test("tells a client that still sends, or waits to, that the connection ends", () => {
    for (const framing of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
      const { output, writer } = asked(
        `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`,
      );
      writer.response(head(2), true);
      writer.body(...withRoom("no"), true);
      assert.match(output.written, /\r\nconnection: close\r\n\r\nno$/);
      assert.equal(output.ended, "closed");
    }
  });

  test("sends the same in more writes, where there is none", () => {
    const { output, writer } = asked();
    writer.response(head(-1), true);
    writer.body(...withoutRoom("hel"), false);
    writer.body(...withRoom("lo"), false);
    writer.end(readFields("x: y\r\n"));
    assert.equal(
      output.written,
      `${ok}transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n`,
    );
    assert.equal(output.writes, 5);
  });

  test("sends a head at once when nothing follows", () => {
    const { output, writer } = asked();
    writer.response(head(5), false);
    assert.equal(output.written, `${ok}content-length: 5\r\n\r\n`);
    writer.body(...withRoom("he"), false);
    writer.body(...withRoom("llo"), true);
    assert.equal(output.written, `${ok}content-length: 5\r\n\r\nhello`);
  });

  test("says that the connection ends, and ends it, after the last one", () => {
    const { output, recorder, writer } = asked();
    writer.isLast = true;
    writer.response(head(0), true);
    writer.end(undefined);
    assert.equal(output.written, `${ok}content-length: 0\r\nconnection: close\r\n\r\n`);
    assert.equal(output.ended, "closed");
    assert.equal(recorder.front.state, "closed");
  });

  test("ends a connection whose request was not read to its end", () => {
    const { output, writer } = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    writer.response(head(0), true);
    writer.end(undefined);
    assert.equal(output.ended, "closed");
  });

  test("lets HTTP/1.0 have a body until the end, and keeps its connection where it asked for that", () => {
    const old = asked("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    old.writer.interim(head(0, readFields(""), 103));
    old.writer.response(head(2), true);
    old.writer.body(...withRoom("ab"), true);
    assert.equal(old.output.written, `${ok}content-length: 2\r\nconnection: keep-alive\r\n\r\nab`);
    assert.equal(old.output.ended, "");
    feed(old.recorder.front, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    old.output.written = "";
    old.writer.response(head(-1), true);
    old.writer.body(...withRoom("ab"), false);
    old.writer.end(undefined);
    assert.equal(old.output.written, `${ok}connection: close\r\n\r\nab`);
    assert.equal(old.output.ended, "closed");
  });

  test("passes over a body where there may be none", () => {
    const { output, writer } = asked("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    writer.response(head(-1), true);
    writer.body(...withRoom("ab"), false);
    writer.body(...withRoom("ab"), true);
    assert.equal(output.written, `${ok}transfer-encoding: chunked\r\n\r\n`);
    assert.equal(output.ended, "");
  });

  test("hands the tunnel's bytes on as they are", () => {
    const { output, recorder, writer } = asked(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly",
    );
    writer.switched(head(0, readFields(""), 101));
    assert.equal(recorder.last.body, "early");
    writer.body(...withRoom("ab"), false);
    assert.equal(output.written, "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nab");
    assert.equal(writer.hasBegun, true);
    writer.end(undefined);
    assert.equal(output.ended, "closed");
    feed(recorder.front, ", and late");
    assert.equal(recorder.last.body, "early, and late", "the client goes on after the backend has ended");
  });

  test("resets what is cut short", () => {
    const { output, recorder, writer } = asked();
    writer.response(head(5), false);
    writer.fail(requestFaults.cut_short);
    assert.equal(output.ended, "reset");
    assert.equal(recorder.front.state, "closed");
  });

  test("sends umay's own answers, also to what was no request", () => {
    const { output, recorder, writer } = asked("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    assert.equal(writer.hasBegun, false);
    sendAnswer(createAnswer(recorder.fault!, "", ""), writer);
    assert.match(
      output.written,
      /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\nconnection: close\r\n\r\n400 Bad/,
    );
    assert.equal(output.writes, 2);
    assert.equal(output.ended, "closed");
  });

  test("sends 100 to who waits for it", () => {
    const { output, writer } = asked();
    writer.interim(continueHead);
    assert.equal(output.written, "HTTP/1.1 100 Continue\r\n\r\n");
  });
});

describe("the writer of requests", () => {
  const withHead = (text: string, follows: boolean): [Http1RequestWriter, RecordingOutput] => {
    const recorder = new RequestRecorder();
    const output = new RecordingOutput();
    const writer = new Http1RequestWriter(output);
    recorder.request = (its) => writer.request(its, follows);
    recorder.body = () => true;
    recorder.end = () => undefined;
    feed(recorder.front, text);
    return [writer, output];
  };

  test("frames a body as the head says", () => {
    const [chunked, output] = withHead(
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      true,
    );
    chunked.body(...withRoom("abc"), true);
    assert.equal(
      output.written,
      "PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert.equal(output.writes, 1);
    const [plain, its] = withHead("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", false);
    plain.body(...withoutRoom("abc"), true);
    assert.equal(its.written, "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
  });

  test("does not frame a tunnel", () => {
    const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    const [writer, output] = withHead(upgrade, false);
    output.written = "";
    writer.body(...withRoom("ab"), false);
    writer.end(undefined);
    assert.equal(output.written, "ab");
  });
});
