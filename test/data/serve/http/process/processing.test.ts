import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Step } from "../../../../../src/data/guard/step.ts";
import { readAnswerText } from "../../../../../src/data/serve/http/process/json-messages.ts";
import { ProcessorJudge } from "../../../../../src/data/serve/http/process/processor-judge.ts";
import type { RequestView } from "../../../../../src/data/serve/http/view.ts";
import { framed } from "../../../../../src/lib/grpc-message.ts";
import { loadWire } from "../../../../../src/lib/wire.ts";
import type { BodyMode, Processor } from "../../../../../src/model/http/processing.ts";
import type { FakeSocket } from "../../../../support/fake-socket.ts";
import { type FakeBackend, HttpScene, writtenTo } from "../../../../support/http-scene.ts";
import { answerTo, message } from "../../../../support/processor.ts";

await loadWire();

const scene = await HttpScene.of(`[routes.all]
path_prefix = "/"
pool = "app"
auth = ["processor"]
timeouts = { idle = "1h" }
[auth.processor]
type = "forward"
pool = "app"
path = "/"
`);

const processor = (body: BodyMode, more: Partial<Processor> = {}): Processor => ({
  kind: "process",
  name: "process.one",
  filter: "one",
  pool: "app",
  lines: "",
  mode: {
    request: { head: true, body: "none", trailers: false },
    response: { head: false, body, trailers: body === "duplex" },
  },
  modes: [],
  timeout: 200,
  longestTimeout: 0,
  onFailure: "refuse",
  failureStatus: 500,
  buffer: 65_536,
  sees: { only: [], never: [] },
  rules: {
    routing: false,
    internal: false,
    system: true,
    others: true,
    allow: undefined,
    deny: undefined,
    strict: false,
  },
  facts: { request: [], response: [] },
  looksOn: false,
  mayAnswer: true,
  reroutes: "asked",
  sendsEarly: false,
  ...more,
});

/** Bytes of one read. */
const most = 60_000;

/** The server at the other end of a call, which HTTP/1.1 carries here. */
class FakeProcessor {
  readonly #socket: FakeBackend;

  constructor(at: HttpScene) {
    this.#socket = at.backend();
    this.#socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }

  get socket(): FakeSocket {
    return this.#socket.socket;
  }

  /** @returns whether more is read. */
  say(content: Uint8Array): boolean {
    const bytes = framed(content).toString("latin1");
    let isRead = this.#socket.send(`${bytes.length.toString(16)}\r\n`);
    for (let at = 0; at < bytes.length; at += most) isRead = this.#socket.send(bytes.slice(at, at + most));
    return this.#socket.send("\r\n") && isRead;
  }
}

const streamed = (content: Buffer, last = false): Uint8Array =>
  answerTo(5, [3, message([3, message([1, content], ...(last ? ([[2, 1]] as const) : []))])]);
const changed = (content: Buffer): Uint8Array => answerTo(5, [3, message([1, content])]);

const get = Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
const tooMuch = Buffer.alloc(1_200_000, "a");

/** A scene with a request whose every route has the processor. @param most of them at a time. */
function begin(
  definition: Processor,
  most?: number,
  request = get,
): { at: HttpScene; judge: ProcessorJudge } {
  const step: Step = {
    name: definition.name,
    judge: (request, waiter) => judge.judge(request as RequestView, waiter),
    count() {},
  };
  const at = scene.again({ guards: { stepsOf: () => [[step]] } });
  const judge = new ProcessorJudge(definition, at.plane, most);
  at.accept().receive(request);
  return { at, judge };
}

/** Ends all requests, and then the calls that their processor has not ended. */
function finish(at: HttpScene, judge: ProcessorJudge): void {
  for (const one of at.plane.open) one.end("stopped");
  for (const place of judge.places.left) place.drop();
  assert.deepEqual([judge.places.taken, judge.places.left.size], [0, 0]);
  at.finish();
}

describe("a client that is far behind its processor", () => {
  for (const [mode, answer, late] of [
    ["streamed", changed, 300],
    ["duplex", streamed, 301_000],
  ] as const) {
    /** A client that has to take more than a mebibyte, of which the processor has parts to come. */
    const behind = () => {
      const { at, judge } = begin(processor(mode));
      const client = at.clients[0]!;
      const server = new FakeProcessor(at);
      server.say(answerTo(2));
      const backend = at.backend();
      client.fill();
      backend.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
      backend.send("cd");
      assert.equal(server.say(answer(tooMuch)), false, "it is read on");
      return { at, judge, client, server };
    };
    test(`${mode}: it is slow, and the processor is not blamed`, () => {
      const { at, judge, client, server } = behind();
      at.sweep(late);
      assert.equal(at.requests.length, 0);
      client.drain();
      server.say(mode === "duplex" ? streamed(Buffer.from("end"), true) : changed(Buffer.from("end")));
      assert.ok(writtenTo(client).endsWith("\r\n3\r\nend\r\n0\r\n\r\n"), writtenTo(client).slice(-50));
      assert.equal(at.requests[0]!.reason, "served");
      finish(at, judge);
    });
    test(`${mode}: once it has taken that, the processor's time runs again`, () => {
      const { at, judge, client } = behind();
      client.drain();
      at.sweep(late);
      assert.equal(at.requests[0]!.reason, "processor_timeout");
      finish(at, judge);
    });
  }
});

describe("as many requests as a processor has at a time", () => {
  const reasons = (at: HttpScene): string[] => at.requests.map(({ reason }) => reason);
  const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  test("calls that it has not ended count, and make room for a request", () => {
    const { at, judge } = begin(processor("none"), 1);
    const first = new FakeProcessor(at);
    first.say(answerTo(2));
    at.backend().send(ok);
    assert.deepEqual([reasons(at), judge.places.taken, first.socket.destroyed], [["served"], 1, false]);
    at.accept().receive(get);
    assert.deepEqual([judge.places.taken, first.socket.destroyed], [1, true]);
    const second = new FakeProcessor(at);
    second.say(answerTo(2));
    finish(at, judge);
  });

  for (const [looksOn, reason] of [
    [false, "processor_failed"],
    [true, "served"],
  ] as const)
    test(`one more is ${looksOn ? "not looked at" : "refused"}`, () => {
      const { at, judge } = begin(processor("none", { looksOn }), 1);
      const client = at.accept();
      client.receive(get);
      if (looksOn) at.backend().send(ok);
      assert.deepEqual([reasons(at), judge.places.taken], [[reason], 1]);
      finish(at, judge);
    });
});

test("a tunnel has no body, whichever mode its processor chooses", () => {
  const webSocket =
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const { at, judge } = begin(processor("none", { modes: "any" }), 1, Buffer.from(webSocket));
  const server = new FakeProcessor(at);
  // The mode is BUFFERED both ways.
  server.say(Buffer.concat([answerTo(2), message([9, message([3, 2], [4, 2])])]));
  assert.equal(at.plane.dialled.length, 2, "no backend was asked");
  const backend = at.backend();
  assert.match(backend.got, /\r\nupgrade: websocket\r\n/i);
  backend.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
  assert.match(writtenTo(at.clients[0]!), /^HTTP\/1\.1 101 /);
  finish(at, judge);
});

/** A head in JSON. */
interface Asked {
  readonly headers: { readonly headers: readonly { readonly key: string; readonly raw_value: string }[] };
  readonly end_of_stream?: boolean;
}

describe("a processor that is asked over HTTP", () => {
  const http = { host: "proc.test", path: "/a", query: "?b=c" };
  const json = (content: object): string => {
    const text = JSON.stringify(content);
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  };
  const raw = (text: string): string => Buffer.from(text).toString("base64");
  const said = (socket: FakeSocket): { line: string; content: Readonly<Record<string, unknown>> } => {
    const [head, text] = writtenTo(socket).split("\r\n\r\n").slice(-2);
    return {
      line: head!.slice(head!.lastIndexOf("POST ")),
      content: JSON.parse(text!) as Readonly<Record<string, unknown>>,
    };
  };
  const both = processor("none", {
    http,
    lines: "x-add: 1\r\n",
    mode: {
      request: { head: true, body: "none", trailers: false },
      response: { head: true, body: "none", trailers: false },
    },
    facts: { request: ["request.path"], response: [] },
  });

  test("gets a request for each head, and its answers change them", () => {
    const { at, judge } = begin(both);
    const server = at.backend();
    const { line, content } = said(server.socket);
    assert.match(line, /^POST \/a\?b=c HTTP\/1\.1\r\nhost: proc\.test\r\n/);
    assert.match(line, /\r\ncontent-type: application\/json\r\nx-add: 1\r\n/);
    const { headers, end_of_stream: isAll } = content["request_headers"]! as Asked;
    const sent = headers.headers.map(({ key, raw_value: value }) => [
      key,
      Buffer.from(value, "base64").toString(),
    ]);
    assert.deepEqual(sent.slice(0, 4), [
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "a.test"],
      [":path", "/"],
    ]);
    assert.deepEqual(
      [isAll, content["attributes"], content["protocol_config"]],
      [true, { "envoy.filters.http.ext_proc": { "request.path": "/" } }, {}],
    );
    const set = (name: string, value: string) => ({ header: { key: name, rawValue: raw(value) } });
    server.send(
      json({
        requestHeaders: {
          response: { headerMutation: { setHeaders: [set("X-A", "ä")], removeHeaders: ["x-b"] } },
        },
      }),
    );
    const backend = at.backend();
    assert.match(backend.got, /GET \/ HTTP.*\r\nx-a: \xc3\xa4\r\n/s);
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const again = at.backend();
    assert.ok("response_headers" in said(again.socket).content);
    again.send(
      json({ response_headers: { response: { header_mutation: { set_headers: [set("x-r", "1")] } } } }),
    );
    assert.match(writtenTo(at.clients[0]!), /^HTTP\/1\.1 200 OK\r\n.*\r\nx-r: 1\r\n.*ok$/s);
    finish(at, judge);
  });

  for (const [what, answer, status, reason] of [
    [
      "answers itself",
      json({ immediateResponse: { status: { code: "Forbidden" }, body: raw("no"), details: "d" } }),
      403,
      "processor_answered",
    ],
    ["has another status", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 500, "processor_failed"],
    ["says no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]", 500, "processor_failed"],
    ["says what it was not asked", json({ requestBody: {} }), 500, "processor_failed"],
    [
      "says what no field may have",
      json({
        requestHeaders: {
          response: { headerMutation: { setHeaders: [{ header: { key: "a b", value: "1" } }] } },
        },
      }),
      500,
      "processor_failed",
    ],
  ] as const)
    test(`whose server ${what}`, () => {
      const { at, judge } = begin(both);
      at.backend().send(answer);
      assert.match(writtenTo(at.clients[0]!), new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(at.requests[0]!.reason, reason);
      finish(at, judge);
    });

  test("is too slow, and is forgotten by a client that goes", () => {
    const { at, judge } = begin(both);
    at.backend();
    at.sweep(300);
    assert.equal(at.requests[0]!.reason, "processor_timeout");
    finish(at, judge);
    const gone = begin(both);
    gone.at.backend();
    gone.at.clients[0]!.fail("ECONNRESET");
    gone.at.clients[0]!.close();
    finish(gone.at, gone.judge);
  });
});

test("whatever a processor says over HTTP, it is an answer or an error", () => {
  const names = [
    "requestHeaders",
    "response",
    "header_mutation",
    "setHeaders",
    "header",
    "key",
    "value",
    "status",
    "body",
  ];
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom("", "a", "AQ==", 1, true, null),
      fc.array(tie("value"), { maxLength: 2 }),
      tie("object"),
    ),
    object: fc.dictionary(
      fc.constantFrom(...names, "immediateResponse", "modeOverride", "overrideMessageTimeout"),
      tie("value"),
      { maxKeys: 4 },
    ),
  }));
  fc.assert(
    fc.property(tree.object, (content) => {
      try {
        assert.ok("to" in readAnswerText(Buffer.from(JSON.stringify(content))));
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof TypeError), String(error));
      }
    }),
  );
});
