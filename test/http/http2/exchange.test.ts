import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import { FrameReader } from "../../../src/http/http2/frame-reader.ts";
import { backendSideLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import type { Stream } from "../../../src/http/http2/stream.ts";
import {
  converse,
  drainOutput,
  listOf,
  Owner,
  pairsOf,
  type Recorder,
  RecordingServer,
  ResponseRecorder,
  requestHead,
  responseHead,
  terms,
} from "./support.ts";
import { data, frame, get, headers, hello, hex, ping, post, settings, windowUpdate } from "./wire.ts";

const cutsOf = fc.array(fc.nat(), { maxLength: 30 });

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test("frames are the same in whatever pieces they come", () => {
  const bytes = Buffer.concat([
    settings([4, 1]),
    frame(0, 8, 1, hex("02616263 0000")),
    frame(0, 0, 1),
    frame(0, 9, 3, hex("00")),
    frame(0, 8, 3, hex("0100")),
    frame(0, 1, 5, Buffer.alloc(1_000, 7)),
    frame(0x77, 0xff, 2 ** 31 - 1, Buffer.alloc(300, 1)),
    ping(),
  ]);
  const read = (pieces: readonly Buffer[]): string => {
    const seen: string[] = [];
    let body = "";
    const reader = new FrameReader({
      frame: (type, flags, stream, from, start, end) =>
        seen.push(`${type} ${flags} ${stream} ${from.toString("hex", start, end)}`),
      dataBegins: (stream, flags, length) => seen.push(`data ${stream} ${flags} ${length}`),
      data(from, start, end, last) {
        assert.ok(end > start);
        body += from.toString("hex", start, end);
        if (last) seen.push(body);
      },
      dataEnds() {
        seen.push("end");
        body = "";
      },
    });
    for (const piece of pieces) reader.read(piece, 0, piece.length);
    return seen.join("\n");
  };
  const whole = read([bytes]);
  assert.equal(whole.split("\n").length, 15);
  assert.equal(read([...bytes].map((byte) => Buffer.of(byte))), whole);
  fc.assert(fc.property(cutsOf, (cuts) => assert.equal(read(split(bytes, cuts)), whole)));
});

test("a server hears the same of a client in whatever pieces its bytes come", () => {
  const bytes = Buffer.concat([
    hello,
    headers(1, post, 4),
    data(1, "one ", 0),
    headers(3, [...get, ["x-a", "b"]], 1),
    frame(9, 0, 3, hex("0001630164")),
    frame(9, 4, 3),
    frame(0, 8, 1, hex("0274776f 0000")),
    ping(),
    headers(1, [["x-sum", "1"]]),
    headers(5, [...post, ["content-length", "3"]], 4),
    data(5, "abc", 1),
    windowUpdate(0, 5),
  ]);
  const hear = (pieces: readonly Buffer[]) => {
    const owner = new RecordingServer();
    const server = new ServerConnection(clientSideLimits, terms, owner, 0);
    for (const piece of pieces) server.receive(Buffer.from(piece), 0, piece.length, 0);
    assert.equal(owner.error, undefined);
    return owner.requests.map((request) => ({
      id: request.stream.id,
      fields: pairsOf(request.head!.fields),
      text: request.text,
      trailers: request.trailers && pairsOf(request.trailers),
      complete: request.complete,
    }));
  };
  const expected = [
    { id: 1, fields: [], text: "one two", trailers: ["x-sum: 1"], complete: true },
    { id: 3, fields: ["x-a: b", "c: d"], text: "", trailers: undefined, complete: true },
    { id: 5, fields: ["content-length: 3"], text: "abc", trailers: undefined, complete: true },
  ];
  assert.deepEqual(hear([bytes]), expected);
  assert.deepEqual(hear([...bytes].map((byte) => Buffer.of(byte))), expected);
  fc.assert(fc.property(cutsOf, (cuts) => assert.deepEqual(hear(split(bytes, cuts)), expected)));
});

interface Side {
  readonly stream: Stream;
  readonly body: Buffer;
  at: number;
  readonly trailers: boolean;
}

/** Sends on in parts until the stream wants no more. */
function sendOn(side: Side, part: number): void {
  const { stream, body, trailers } = side;
  while (side.at < body.length) {
    const end = Math.min(body.length, side.at + part);
    const last = end === body.length && !trailers;
    const piece = Buffer.from(body.subarray(side.at, end));
    side.at = end;
    const more = stream.body(piece, 0, piece.length, last);
    piece.fill(0);
    if (last) return;
    if (!more) return;
  }
  if (!stream.outgoing.closed && (trailers || body.length === 0))
    stream.end(trailers ? listOf({ "x-end": "1" }) : undefined);
}

const bodyOf = (length: number, seed: number): Buffer => {
  const body = Buffer.alloc(length);
  for (let at = 0; at < length; at++) body[at] = (at * 31 + seed * 17 + (at >> 8)) & 0xff;
  return body;
};

const balanced = (connection: ServerConnection | ClientConnection, streams: readonly Stream[]): boolean => {
  const held = streams.reduce((sum, { incoming }) => sum + incoming.held, 0);
  return connection.window.received === connection.window.credited + held;
};

/** A client and a server that exchange bodies both ways, with windows, pauses and pieces as given. */
function exchange(options: {
  bodies: readonly (readonly [up: number, down: number])[];
  window: number;
  part: number;
  pieces: readonly number[];
  pauses: readonly boolean[];
  output: number;
}): void {
  const limits = { ...clientSideLimits, streamWindow: options.window };
  const serverOwner = new RecordingServer();
  const clientOwner = new Owner();
  serverOwner.bufferSize = clientOwner.bufferSize = options.output;
  const server = new ServerConnection(limits, terms, serverOwner, 0);
  const client = new ClientConnection({ ...backendSideLimits, streamWindow: options.window }, clientOwner, 0);
  const users: ResponseRecorder[] = [];
  const streams: Stream[] = [];
  let step = 0;
  const pause = (user: Recorder, stream: Stream): void => {
    user.accepts = !(options.pauses[step++ % options.pauses.length] ?? false);
    if (user.accepts) stream.resume();
  };
  serverOwner.onRequest = (request) => {
    const [, down] = options.bodies[(request.stream.id - 1) / 2]!;
    const side: Side = { stream: request.stream, body: bodyOf(down, 1), at: 0, trailers: down % 2 === 0 };
    streams.push(request.stream);
    request.onReady = () => sendOn(side, options.part);
    // As a gateway that answers when it has all of the request.
    request.onEnd = () => {
      request.stream.response(responseHead(200, -1, listOf({ "x-a": String(down) })), true);
      sendOn(side, options.part);
    };
  };
  for (const [index, [up]] of options.bodies.entries()) {
    const user = new ResponseRecorder();
    const stream = client.request(
      requestHead({ method: "POST", path: `/${index}`, length: -1 }),
      false,
      user,
    );
    const side: Side = { stream, body: bodyOf(up, 2), at: 0, trailers: up % 3 === 0 };
    user.onReady = () => sendOn(side, options.part);
    users.push(user);
    streams.push(stream);
    sendOn(side, options.part);
  }
  const piece = (): number => options.pieces[step++ % options.pieces.length]!;
  for (let round = 0; round < 5_000; round++) {
    converse(client, server, 0, piece);
    assert.ok(
      balanced(
        server,
        serverOwner.requests.map(({ stream }) => stream),
      ),
    );
    assert.ok(
      balanced(
        client,
        streams.filter((stream) => !serverOwner.requests.some((request) => request.stream === stream)),
      ),
    );
    for (const request of serverOwner.requests) pause(request, request.stream);
    for (const [index, user] of users.entries())
      pause(
        user,
        streams.filter((stream) => !serverOwner.requests.some((request) => request.stream === stream))[
          index
        ]!,
      );
    if (users.every(({ complete }) => complete)) break;
  }
  assert.deepEqual([serverOwner.error, clientOwner.error], [undefined, undefined]);
  for (const [index, [up, down]] of options.bodies.entries()) {
    const request = serverOwner.requests.find(({ head }) => head!.path === `/${index}`)!;
    assert.ok(Buffer.concat(request.parts).equals(bodyOf(up, 2)), `upload of ${up}`);
    assert.ok(Buffer.concat(users[index]!.parts).equals(bodyOf(down, 1)), `download of ${down}`);
    assert.deepEqual([request.complete, users[index]!.complete], [true, true]);
    assert.deepEqual(
      [request.trailers !== undefined, users[index]!.trailers !== undefined],
      [up % 3 === 0, down % 2 === 0],
    );
  }
  assert.deepEqual([client.count, server.count], [0, 0]);
  for (const { window } of [client, server]) assert.equal(window.received, window.credited);
}

test("bodies come byte for byte both ways, whatever the windows, pauses, parts and pieces; the ledgers balance", () => {
  const length = fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(100_000));
  fc.assert(
    fc.property(
      fc.record({
        bodies: fc.array(fc.tuple(length, length), { minLength: 1, maxLength: 6 }),
        window: fc.constantFrom(1_000, 16_384, 65_536, 1_000_000),
        part: fc.constantFrom(100, 5_000, 16_384, 65_536),
        pieces: fc.array(fc.constantFrom(7, 100, 9_000, 65_536), { minLength: 1, maxLength: 4 }),
        pauses: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }).map((pauses) => [...pauses, false]),
        output: fc.constantFrom(64, 1_000, 65_536),
      }),
      exchange,
    ),
    { numRuns: 40 },
  );
});

test("a window of one byte", () => {
  exchange({
    bodies: [
      [40, 40],
      [3, 0],
    ],
    window: 1,
    part: 10,
    pieces: [5],
    pauses: [false],
    output: 100,
  });
});

test("2,000 cancelled uploads credit the connection's window: a large one goes through then", () => {
  const owner = new RecordingServer();
  const server = new ServerConnection(clientSideLimits, terms, owner, 0);
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  owner.onRequest = (request) => {
    request.accepts = request.stream.id % 3 === 0;
  };
  const part = Buffer.alloc(4_000);
  for (let count = 0, now = 0; count < 2_000; count++, now += 200) {
    const stream = client.request(requestHead({ method: "POST", length: -1 }), false, new ResponseRecorder());
    stream.body(part, 0, part.length, false);
    stream.body(part, 0, part.length, false);
    // Some are reset before they are heard of, some while a part of them is held.
    if (count % 2 === 0) converse(client, server, now);
    if (count % 10 === 0) owner.requests.at(-1)!.stream.cancel();
    else stream.cancel();
    converse(client, server, now);
    assert.equal(server.count, 0);
    owner.requests.length = Math.min(owner.requests.length, 1);
  }
  assert.deepEqual([owner.error, server.window.received], [undefined, server.window.credited]);
  assert.ok(server.window.received >= 14_000_000);
  owner.requests.length = 0;
  const hash = createHash("sha256");
  owner.onRequest = (request) => {
    request.body = (bytes, start, end) => {
      hash.update(bytes.subarray(start, end));
      return true;
    };
  };
  const body = bodyOf(2 * 1024 * 1024, 3);
  const stream = client.request(
    requestHead({ method: "POST", length: body.length }),
    false,
    new ResponseRecorder(),
  );
  stream.body(body, 0, body.length, true);
  converse(client, server, 1_000_000);
  assert.equal(hash.digest("hex"), createHash("sha256").update(body).digest("hex"));
});

test("a stream whose receiver stands still does not stop the other ones of its connection", () => {
  const owner = new RecordingServer();
  const server = new ServerConnection(clientSideLimits, terms, owner, 0);
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  const body = bodyOf(300_000, 1);
  owner.onRequest = ({ stream }) => {
    stream.response(responseHead(200, body.length), true);
    stream.body(Buffer.from(body), 0, body.length, true);
  };
  const users = Array.from({ length: 99 }, () => {
    const user = new ResponseRecorder();
    user.accepts = false;
    client.request(requestHead(), true, user);
    return user;
  });
  converse(client, server);
  assert.ok(users.every(({ complete }) => !complete));
  const user = new ResponseRecorder();
  client.request(requestHead(), true, user);
  converse(client, server);
  assert.deepEqual([user.complete, Buffer.concat(user.parts).equals(body)], [true, true]);
  const held = client.window.received - client.window.credited;
  assert.ok(held <= 99 * 64 * 1024, `no more than the windows of the streams: ${held}`);
});

test("a request that comes while the output is full goes behind what waits", () => {
  const owner = new RecordingServer();
  const server = new ServerConnection(clientSideLimits, terms, owner, 0);
  const bytes = Buffer.concat([
    hello,
    settings([4, 1_000_000]),
    windowUpdate(0, 1_000_000),
    headers(1, get),
    headers(3, get),
  ]);
  server.receive(bytes, 0, bytes.length, 0);
  const [one, other] = owner.requests;
  for (const { stream } of owner.requests) stream.response(responseHead(200), false);
  const large = Buffer.alloc(600_000);
  assert.equal(one!.stream.body(large, 0, large.length, true), false);
  assert.ok(server.writer.length < 256 * 1024 + 16_384 + 100, "bodies wait in their streams");
  assert.equal(other!.stream.body(Buffer.from("x"), 0, 1, true), false);
  assert.equal(other!.readies, 0);
  assert.ok(drainOutput(server).length > 600_000);
  assert.equal(server.count, 0);
});
