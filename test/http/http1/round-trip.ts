import assert from "node:assert/strict";
import { chunkEnd, chunkStart, lastChunk } from "../../../src/http/http1/reframe.ts";
import { requestText } from "../../../src/http/http1/request-head.ts";
import { clientFraming, responseText } from "../../../src/http/http1/response-head.ts";
import { feed, RequestRecorder, ResponseRecorder } from "../recorder.ts";

/** Requests as clients send them, one after the other, from which mutations are made. */
export const requestStreams: readonly string[] = [
  "GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
  "POST /form HTTP/1.1\r\nHost: a:80\r\nContent-Length: 11\r\nX_Y: z\r\n\r\nhello=worldGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "PUT /%7Ea/../b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5;e=f\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhl\r\n\r\n",
  "GET http://a/x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, TE\r\nTE: trailers\r\nCookie: a=1\r\nCookie: b=2\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
];

/** Responses to GET as backends send them. */
export const responseStreams: readonly string[] = [
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: a\r\nContent-Length: 9\r\n\r\n",
  "HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end",
  "HTTP/1.1 204\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
];

const separators = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  ": ",
  " ",
  "\t",
  "\0",
  ",",
  ";",
  "0",
  "\r\n ",
  "\x7f",
  "\xff",
];
const lines = [
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Transfer-Encoding: \x0bchunked\r\n",
  "Connection: close\r\n",
  "Connection: content-length\r\n",
  "Host: b\r\n",
  "X: y\r\n z\r\n",
  "0\r\n\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: c\r\n\r\n",
];

/** Changes a few places of the text, at random. */
export function mutate(text: string, random: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  let mutated = text;
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * (mutated.length + 1));
    const end = Math.min(mutated.length, at + Math.floor(random() * 6));
    const line = mutated.indexOf("\r\n", at) + 2;
    const changes = [
      () => mutated.slice(0, at) + mutated.slice(end),
      () => mutated.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + mutated.slice(at + 1),
      () => mutated.slice(0, at) + pick(separators) + mutated.slice(at),
      () => mutated.slice(0, line) + pick(lines) + mutated.slice(line),
      () => mutated.slice(0, end) + mutated.slice(at),
      () => mutated.slice(0, at) + mutated.slice(at).toUpperCase(),
    ];
    mutated = pick(changes)();
  }
  return mutated;
}

const framed = (body: string): string =>
  (body === "" ? "" : chunkStart(body.length) + body + chunkEnd) + lastChunk;

/** Stands in for the host of a request of HTTP/1.0 that names none. */
const nameless = "backend";

/** Reads requests, and writes each as it would go to a backend. */
class Forwarding extends RequestRecorder {
  readonly heads: string[] = [];

  override request(...call: Parameters<RequestRecorder["request"]>): void {
    const [head] = call;
    this.heads.push(
      requestText({ ...head, fields: head.fields, authority: head.authority || nameless }, undefined),
    );
    super.request(...call);
  }
}

/** The parts of a reading that must not depend on how the bytes were cut. */
export function readRequests(text: string, cuts: readonly number[]) {
  const forwarding = new Forwarding();
  feed(forwarding.front, text, cuts);
  forwarding.front.ended();
  const { detail, heads, requests } = forwarding;
  // How much of a body came before what spoils it depends on how it was cut.
  for (const request of requests) if (!request.complete) request.body = "";
  return { detail, heads, requests };
}

/**
 * Whatever a client sends: what goes to a backend is one request for each one that was read, with the same body, and not
 * a byte more.
 */
export function checkForwarded(text: string): void {
  const { heads, requests } = readRequests(text, []);
  for (const [index, read] of requests.entries()) {
    if (!read.complete) continue;
    const sent = heads[index]! + (read.length < 0 ? framed(read.body) : read.body);
    const again = new RequestRecorder();
    feed(again.front, sent);
    assert.equal(again.detail, undefined, sent);
    assert.equal(again.requests.length, 1, sent);
    assert.equal(again.last.complete || again.last.upgrade !== "", true, sent);
    const { method, authority, path, query, body } = read;
    const { method: sentMethod, path: sentPath, query: sentQuery, body: sentBody } = again.last;
    assert.deepEqual([sentMethod, sentPath, sentQuery, sentBody], [method, path, query, body]);
    assert.equal(again.last.authority, authority || nameless);
  }
}

/** Reads the response to one GET, and writes its head as it would go to a client of HTTP/1.1. */
class Answering extends ResponseRecorder {
  head = "";
  /** Of the connection when all bytes have come. */
  state = "";

  override response(...call: Parameters<ResponseRecorder["response"]>): void {
    const [head] = call;
    this.head = responseText(head, clientFraming(head, "GET", 1), "", undefined);
    super.response(...call);
  }
}

function readResponse(text: string, cuts: readonly number[]): Answering {
  const answering = new Answering();
  answering.backend.begin("GET", "", answering);
  feed(answering.backend, text, cuts);
  answering.state = answering.backend.state;
  answering.backend.ended();
  return answering;
}

/** The parts of a reading that no cut may change: of a response that fails, that it fails, and why. */
export function outcomeOf(text: string, cuts: readonly number[]) {
  const { detail, head, responses, state } = readResponse(text, cuts);
  return detail === undefined ? { head, responses, state } : { detail };
}

/** Whatever a backend sends: what goes to the client is one response, with the same body, and not a byte more. */
export function checkAnswered(text: string): void {
  const { detail, head, responses } = readResponse(text, []);
  if (detail !== undefined || responses.length === 0) return;
  const [read] = responses;
  const isChunked = /\r\ntransfer-encoding: chunked\r\n/.test(head);
  const sent = head + (isChunked ? framed(read!.body) : read!.body);
  const again = readResponse(sent, []);
  assert.equal(again.detail, undefined, sent);
  assert.equal(again.responses.length, 1, sent);
  assert.equal(again.last.complete, true, sent);
  assert.equal(again.state, "idle", sent);
  assert.deepEqual([again.last.status, again.last.body], [read!.status, read!.body]);
}
