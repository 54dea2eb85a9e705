import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderBlock } from "../../../src/http/http2/header-block.ts";
import { fieldOf } from "../../../src/http/http2/hpack/field.ts";
import { clientSideLimits } from "../../../src/http/http2/limits.ts";
import { drainOutput, responseHead } from "./support.ts";
import { Talk } from "./talk.ts";
import {
  block,
  data,
  frame,
  get,
  headers,
  hello,
  hex,
  ping,
  post,
  reset,
  settings,
  windowUpdate,
  word,
} from "./wire.ts";

/** A server under attack. Requests are answered only where the test does so. */
class Attacked extends Talk {
  /** Bytes that the server took before it gave up. */
  taken = 0;

  constructor() {
    super();
    this.send(hello);
  }

  /** Nothing is heard of the answer before somebody asks for it. */
  override send(bytes: Buffer): string[] {
    if (this.server.failure !== undefined) return [];
    this.server.receive(Buffer.from(bytes), 0, bytes.length, this.now);
    this.taken += bytes.length;
    return [];
  }

  /** Sends the frames of each turn in one read, until the server has had enough. @returns the turns that it took. */
  flood(most: number, frames: (turn: number) => readonly Buffer[], every = 0): number {
    for (let turn = 0; turn < most; turn++) {
      this.now += every;
      this.send(Buffer.concat(frames(turn)));
      if (this.server.failure !== undefined) return turn;
    }
    return most;
  }

  get lines(): string[] {
    this.hear();
    return this.listener.lines;
  }

  get goAway(): string | undefined {
    return this.lines.find((line) => line.startsWith("goAway"))?.split(" ")[2];
  }
}

const stream = (turn: number): number => 2 * turn + 1;
const empty = Buffer.alloc(0);

test("rapid reset: a request whose reset comes in the same read is never heard of, and 100 of them are enough", () => {
  const attacked = new Attacked();
  const turns = attacked.flood(20_000, (turn) => [headers(stream(turn), get), reset(stream(turn))]);
  assert.deepEqual(
    [turns + 1, attacked.goAway, attacked.owner.requests.length],
    [100, "ENHANCE_YOUR_CALM", 0],
  );
});

test("rapid reset, one by one: no more requests are heard of than the bucket has", () => {
  const attacked = new Attacked();
  const turns = attacked.flood(20_000, (turn) => (turn % 2 === 0 ? [headers(turn + 1, get)] : [reset(turn)]));
  assert.equal(attacked.goAway, "ENHANCE_YOUR_CALM");
  assert.deepEqual([turns + 1, attacked.owner.requests.length], [200, 100]);
  assert.ok(attacked.owner.requests.every(({ fault }) => fault !== undefined));
});

test("resets that the server is made to send count in the same bucket", () => {
  for (const provoke of [
    (id: number) => [headers(id, get), windowUpdate(id, 0)],
    (id: number) => [headers(id, get), windowUpdate(id, 2 ** 31 - 1)],
    (id: number) => [headers(id, [["a", "b"]])],
    (id: number) => [headers(id, get), data(id, "x")],
  ]) {
    const attacked = new Attacked();
    const turns = attacked.flood(20_000, (turn) =>
      turn % 2 === 0 ? provoke(stream(turn)) : [headers(stream(turn), get), reset(stream(turn))],
    );
    assert.deepEqual([turns + 1, attacked.goAway], [100, "ENHANCE_YOUR_CALM"]);
  }
});

test("resets of requests that were answered are free, and of others there may be 10 a second", () => {
  const attacked = new Attacked();
  attacked.owner.onRequest = ({ stream }) => stream.response(responseHead(200), false);
  let id = 1;
  const pair = (): Buffer[] => {
    attacked.send(headers(id, get));
    id += 2;
    return [reset(id - 2)];
  };
  assert.equal(attacked.flood(1_000, pair), 1_000);
  attacked.owner.onRequest = () => {};
  assert.equal(attacked.flood(1_000, pair, 100), 1_000, "10 a second are no attack");
});

test("PING and SETTINGS: what they make the server answer is bounded", () => {
  for (const [bytes, answer] of [
    [ping(), "ping ack"],
    [settings([1, 0]), "settings ack"],
  ] as const) {
    const attacked = new Attacked();
    const turns = attacked.flood(100_000, () => [bytes]);
    assert.ok(turns <= 100, String(turns));
    assert.equal(attacked.goAway, "ENHANCE_YOUR_CALM");
    assert.ok(attacked.lines.filter((line) => line === answer).length <= 101);
  }
  const slow = new Attacked();
  assert.equal(
    slow.flood(1_000, () => [ping()], 100),
    1_000,
    "10 PING a second are no attack",
  );
});

test("CONTINUATION: 16 frames and 64 KiB are the most of a header block, and empty ones count tenfold", () => {
  for (const part of [Buffer.alloc(1), Buffer.alloc(16_000), empty]) {
    const attacked = new Attacked();
    attacked.send(frame(1, 1, 1, block(get)));
    const turns = attacked.flood(100_000, () => [frame(9, 0, 1, part)]);
    assert.ok(turns <= 16, String(turns));
    assert.equal(attacked.goAway, "ENHANCE_YOUR_CALM");
    assert.ok(attacked.taken <= 64 * 1024 + 16_384 + hello.length, String(attacked.taken));
  }
  const attacked = new Attacked();
  const turns = attacked.flood(100_000, (turn) => [
    frame(1, 1, stream(turn), block(get)),
    ...Array.from({ length: 15 }, () => frame(9, 0, stream(turn))),
    frame(9, 4, stream(turn)),
  ]);
  assert.ok(turns <= 8, `150 glitches each: ${turns}`);
});

test("empty DATA, and RST_STREAM for what is reset already, are glitches: 1,000 are enough", () => {
  const upload = new Attacked();
  upload.send(headers(1, post, 4));
  assert.equal(
    upload.flood(100_000, () => [data(1, empty, 0)]),
    1_000,
  );
  assert.equal(upload.goAway, "ENHANCE_YOUR_CALM");

  const again = new Attacked();
  again.send(Buffer.concat([headers(1, get), reset(1)]));
  assert.equal(
    again.flood(100_000, () => [reset(1)]),
    1_000,
  );
});

test("glitches are halved every 30 seconds", () => {
  const attacked = new Attacked();
  attacked.send(headers(1, post, 4));
  assert.equal(
    attacked.flood(100_000, () => [data(1, empty, 0)], 100),
    100_000,
    "10 a second never end it",
  );
  const faster = new Attacked();
  faster.send(headers(1, post, 4));
  assert.ok(faster.flood(100_000, () => [data(1, empty, 0)], 20) < 2_000, "50 a second do");
});

test("frames without an effect are free up to 10,000 in 10 seconds, then glitches", () => {
  for (const bytes of [
    frame(2, 0, 1, Buffer.concat([word(0), Buffer.alloc(1)])),
    windowUpdate(0, 1),
    frame(0x77, 0, 0),
    frame(16, 0, 0, Buffer.concat([word(1), Buffer.from("u=1")])),
    data(1, "late", 0),
    headers(1, [["late", "x"]]),
  ]) {
    const attacked = new Attacked();
    attacked.send(headers(1, [["a", "b"]]));
    assert.equal(
      attacked.flood(200_000, () => [bytes]),
      11_000,
    );
    assert.equal(attacked.goAway, "ENHANCE_YOUR_CALM");
  }
});

test("a client that is sent much may credit it in small pieces, and measure its speed with PING", () => {
  const attacked = new Attacked();
  attacked.send(headers(1, get));
  const { stream: answer } = attacked.owner.requests[0]!;
  answer.response(responseHead(200), false);
  const part = Buffer.alloc(16_384);
  for (let turn = 0; turn < 3_000; turn++) {
    assert.equal(answer.body(part, 0, part.length, false), true);
    drainOutput(attacked.server);
    for (let piece = 0; piece < 4; piece++)
      attacked.send(Buffer.concat([windowUpdate(1, 4_096), windowUpdate(0, 4_096)]));
    attacked.send(ping());
  }
  assert.equal(attacked.server.failure, undefined);
});

test("more streams than were offered are refused, not heard of, and the other ones go on", () => {
  const attacked = new Attacked();
  attacked.send(Buffer.concat(Array.from({ length: 1_000 }, (_, turn) => headers(stream(turn), get))));
  assert.equal(attacked.owner.requests.length, 100);
  assert.equal(attacked.lines.filter((line) => /^reset \d+ REFUSED_STREAM$/.test(line)).length, 900);
  attacked.owner.requests[7]!.stream.response(responseHead(200, 0), true);
  attacked.send(headers(stream(1_000), get));
  assert.deepEqual([attacked.owner.requests.length, attacked.goAway], [101, undefined]);
});

test("a small block that stands for a large head is decoded, answered with 431, and leaves the tables right", () => {
  const attacked = new Attacked();
  const large = Buffer.concat([block(get), hex("40"), block([["x-bomb", "v".repeat(3_000)]]).subarray(1)]);
  attacked.send(frame(1, 5, 1, large));
  for (let turn = 1; turn <= 50; turn++)
    attacked.send(frame(1, 5, stream(turn), Buffer.concat([block(get), Buffer.alloc(16_000, 0xbe)])));
  const faults = attacked.owner.requests.map(({ fault }) => fault?.status);
  assert.deepEqual([faults[0], new Set(faults.slice(1))], [undefined, new Set([431])]);
  attacked.send(frame(1, 5, 201, Buffer.concat([block(get), hex("be")])));
  const last = attacked.owner.requests.at(-1)!;
  assert.deepEqual(
    [last.fault, last.head!.fields.name(0), attacked.goAway],
    [undefined, "x-bomb", undefined],
  );
});

test("what is kept of a head that is too large is no more than the limit", () => {
  const head = new HeaderBlock();
  head.begin(clientSideLimits.head);
  for (let count = 0; count < 50_000; count++) head.add(fieldOf("x-a", "b"));
  head.end();
  assert.deepEqual([head.tooLarge, head.fields.length], [true, 128]);
});

test("no head has more than 256 fields, whatever is set", () => {
  const head = new HeaderBlock();
  head.begin({ ...clientSideLimits.head, fields: 1_024 });
  for (let count = 0; count < 257; count++) head.add(fieldOf("x-a", "b"));
  head.end();
  assert.deepEqual([head.tooLarge, head.fields.length], [true, 256]);
});

test("a client that reads nothing is not read from any more, with at most 1 MiB and a read's answers kept for it", () => {
  const attacked = new Attacked();
  let turns = 0;
  // Within its rate, without ever taking an answer.
  for (; turns < 200_000 && !attacked.server.congested; turns++) {
    attacked.now += 100;
    attacked.send(ping());
  }
  assert.equal(attacked.server.failure, undefined);
  assert.ok(attacked.server.writer.length <= 1024 * 1024 + 17, String(attacked.server.writer.length));
  drainOutput(attacked.server);
  assert.equal(attacked.server.congested, false);
});

test("bodies for a client that opens no window wait, bounded, and are cut after a minute without progress", () => {
  const attacked = new Attacked();
  attacked.send(settings([4, 10]));
  attacked.send(headers(1, get));
  const { stream: answer } = attacked.owner.requests[0]!;
  answer.response(responseHead(200), false);
  const part = Buffer.alloc(30_000);
  assert.equal(answer.body(part, 0, part.length, false), false);
  assert.equal(answer.outgoing.waiting, 29_990);
  attacked.server.sweep(59_999);
  assert.equal(attacked.server.count, 1);
  attacked.now = 59_999;
  attacked.send(windowUpdate(1, 5));
  attacked.server.sweep(119_998);
  assert.equal(attacked.server.count, 1, "there was progress");
  attacked.server.sweep(119_999);
  assert.deepEqual([attacked.server.count, attacked.lines.at(-1)], [0, "reset 1 CANCEL"]);
  assert.notEqual(attacked.owner.requests[0]!.fault, undefined);
  assert.equal(answer.outgoing.waiting, 0);
});

test("the connection's window counts alike, but not the wait for more urgent streams", () => {
  const attacked = new Attacked();
  const large = Buffer.alloc(200_000);
  const ask = (id: number, urgency: number): void => {
    attacked.send(headers(id, [...get, ["priority", `u=${urgency}`]]));
    const { stream: answer } = attacked.owner.requests.at(-1)!;
    answer.response(responseHead(200), false);
    answer.body(large, 0, large.length, true);
  };
  attacked.send(settings([4, 1_000_000]));
  ask(1, 0);
  ask(3, 7);
  for (; attacked.now < 90_000; attacked.now += 10_000) {
    attacked.send(windowUpdate(0, 10_000));
    attacked.server.sweep(attacked.now);
    assert.deepEqual(
      attacked.owner.requests.map(({ fault }) => fault),
      [undefined, undefined],
    );
    drainOutput(attacked.server);
  }
  attacked.server.sweep(attacked.now + 60_000);
  assert.deepEqual(
    attacked.owner.requests.map(({ fault }) => fault?.detail),
    ["cut_short", "cut_short"],
  );
});
