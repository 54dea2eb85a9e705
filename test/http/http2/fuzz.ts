import assert from "node:assert/strict";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import type { Connection } from "../../../src/http/http2/connection.ts";
import { backendSideLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import type { Stream } from "../../../src/http/http2/stream.ts";
import {
  drainOutput,
  listOf,
  Owner,
  type Recorder,
  RecordingServer,
  ResponseRecorder,
  requestHead,
  responseHead,
  terms,
} from "./support.ts";
import { block, data, frame, get, hello, Listener, type Pairs, ping, post, settings, word } from "./wire.ts";

type Random = () => number;

const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
const chance = (random: Random, share: number): boolean => random() < share;

const requests: readonly Pairs[] = [
  get,
  post,
  [...post, ["content-length", "5"]],
  [...get, ["cookie", "a"], ["cookie", "b"], ["priority", "u=1"]],
  [[":method", "CONNECT"], [":protocol", "websocket"], ...get.slice(1)],
  [...get, ["connection", "close"]],
  [...get, ["A", "b"]],
];
const responses: readonly Pairs[] = [
  [[":status", "200"]],
  [
    [":status", "200"],
    ["content-length", "5"],
  ],
  [[":status", "103"]],
  [[":status", "204"]],
];
const trailers: readonly Pairs[] = [[["x-trailer", "1"]], [], [[":path", "/"]]];

/** Frames that are sound most of the time, about streams where they may be wrong all the same. */
class Frames {
  readonly #random: Random;
  readonly #heads: readonly Pairs[];
  /** The next stream of a client; 0: they are not begun by who sends this. */
  #next: number;

  constructor(random: Random, heads: readonly Pairs[], next: number) {
    this.#random = random;
    this.#heads = heads;
    this.#next = next;
  }

  next(): Buffer {
    const random = this.#random;
    if (chance(random, 0.03)) return this.#odd();
    const stream = 1 + 2 * Math.floor(random() * Math.max(4, this.#next / 2));
    const known = this.#next > 0 ? Math.min(stream, Math.max(1, this.#next - 2)) : pick(random, [1, 3, 5, 7]);
    switch (Math.floor(random() * 10)) {
      case 0:
      case 1:
      case 2:
        return this.#head(known);
      case 3:
      case 4:
      case 5:
        return this.#data(known);
      case 6:
        return frame(3, 0, known, word(pick(random, [0, 7, 8])));
      case 7:
        return settings([pick(random, [1, 3, 4, 99]), pick(random, [0, 1, 100, 4096, 70_000])]);
      case 8:
        return frame(8, 0, chance(random, 0.5) ? 0 : known, word(pick(random, [1, 1_000, 65_535, 500_000])));
      default:
        return pick(random, [
          ping(),
          frame(4, 1, 0),
          frame(99, 3, known),
          frame(2, 0, known, Buffer.alloc(5)),
        ]);
    }
  }

  #head(known: number): Buffer {
    const random = this.#random;
    const flags = chance(random, 0.4) ? 5 : 4;
    if (this.#next === 0)
      return frame(1, flags, known, block(pick(random, chance(random, 0.8) ? this.#heads : trailers)));
    if (chance(random, 0.2)) return frame(1, 5, known, block(pick(random, trailers)));
    this.#next += 2;
    const bytes = block(pick(random, this.#heads));
    if (chance(random, 0.8)) return frame(1, flags, this.#next - 2, bytes);
    return Buffer.concat([
      frame(1, flags & 1, this.#next - 2, bytes.subarray(0, 9)),
      frame(9, 4, this.#next - 2, bytes.subarray(9)),
    ]);
  }

  #data(known: number): Buffer {
    const random = this.#random;
    const bytes = Buffer.alloc(Math.floor(random() ** 4 * 16_000), 65);
    const flags = chance(random, 0.2) ? 1 : 0;
    return chance(random, 0.2)
      ? frame(0, flags | 8, known, Buffer.concat([Buffer.of(Math.min(255, bytes.length >> 1)), bytes]))
      : data(known, bytes, flags);
  }

  /** Mostly an error of the connection. */
  #odd(): Buffer {
    const random = this.#random;
    const bytes = Buffer.alloc(Math.floor(random() * 40), random() * 256);
    const stream = pick(random, [0, 1, 2, 3, 2 ** 31 - 1]);
    return chance(random, 0.3)
      ? frame(7, 0, 0, Buffer.concat([word(pick(random, [0, 3])), word(0)]))
      : frame(Math.floor(random() * 20), Math.floor(random() * 256), stream, bytes);
  }
}

/** A user that does anything that it may, and sees that it is told only what it may be told. */
class Watch {
  over = false;
  readonly stream: Stream;
  readonly user: Recorder;

  constructor(stream: Stream, user: Recorder, random: Random) {
    this.stream = stream;
    this.user = user;
    user.accepts = chance(random, 0.7);
    const { body, end, fail } = user;
    user.body = (bytes, start, at, last) => {
      this.#told(last);
      assert.ok(at > start && at <= bytes.length);
      return body.call(user, bytes, start, at, last);
    };
    user.end = (trailers) => {
      this.#told(true);
      end.call(user, trailers);
    };
    user.fail = (fault) => {
      assert.equal(user.fault, undefined, "it fails once");
      this.over = true;
      fail.call(user, fault);
    };
  }

  #told(last: boolean): void {
    assert.ok(!this.over, "nothing comes behind the end");
    if (last) this.over = true;
  }

  act(random: Random): void {
    const { stream, user } = this;
    const part = Buffer.alloc(Math.floor(random() ** 3 * 100_000), 66);
    user.accepts = chance(random, 0.7);
    switch (Math.floor(random() * 6)) {
      case 0:
        stream.resume();
        break;
      case 1:
        if (part.length > 0) stream.body(part, 0, part.length, chance(random, 0.2));
        break;
      case 2:
        stream.end(chance(random, 0.5) ? listOf({ "x-end": "1" }) : undefined);
        break;
      case 3:
        if (chance(random, 0.3)) stream.cancel();
    }
  }
}

function check(connection: Connection, watches: readonly Watch[], listener: Listener, said: Buffer): void {
  listener.hear(said);
  const held = watches.reduce((sum, { stream }) => sum + stream.incoming.held, 0);
  if (connection.failure === undefined)
    assert.equal(connection.window.received, connection.window.credited + held, "the ledger balances");
  else {
    assert.equal(connection.count, 0);
    assert.match(listener.lines.at(-1) ?? "", /^goAway/, "nothing is said behind GOAWAY");
  }
  assert.ok(connection.count <= 100);
}

/** Sends whole frames to a connection, in reads of any size, until it fails; its users do something in between. */
function attack(
  connection: Connection,
  frames: Frames,
  random: Random,
  watches: readonly Watch[],
  listener: Listener,
): void {
  for (let round = 0; round < 30 && connection.failure === undefined; round++) {
    const bytes = Buffer.concat(Array.from({ length: 1 + Math.floor(random() * 4) }, () => frames.next()));
    for (let at = 0; at < bytes.length; ) {
      const piece = Buffer.from(bytes.subarray(at, at + 1 + Math.floor(random() ** 2 * bytes.length)));
      connection.receive(piece, 0, piece.length, round * 50);
      at += piece.length;
    }
    for (const watch of watches) watch.act(random);
    if (chance(random, 0.1)) connection.sweep(round * 50);
    check(connection, watches, listener, drainOutput(connection));
  }
  connection.closed();
}

/** A server among clients that do anything. @returns how many requests it has heard of. */
export function fuzzServer(random: Random): number {
  const owner = new RecordingServer();
  const server = new ServerConnection(clientSideLimits, terms, owner, 0);
  const watches: Watch[] = [];
  owner.onRequest = (request) => {
    watches.push(new Watch(request.stream, request, random));
    if (chance(random, 0.6)) request.stream.response(responseHead(200, chance(random, 0.2) ? 0 : -1), false);
  };
  const listener = new Listener();
  const begin = Buffer.from(hello);
  server.receive(begin, 0, begin.length, 0);
  attack(server, new Frames(random, requests, 1), random, watches, listener);
  return watches.length;
}

/** A client among backends that do anything. @returns how many responses it has heard of. */
export function fuzzClient(random: Random): number {
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  const listener = new Listener();
  listener.hear(drainOutput(client).subarray(24));
  const first = settings();
  client.receive(first, 0, first.length, 0);
  const watches = Array.from({ length: 4 }, () => {
    const user = new ResponseRecorder();
    const stream = client.request(
      requestHead({ method: pick(random, ["GET", "HEAD", "POST"]), length: -1 }),
      false,
      user,
    );
    return new Watch(stream, user, random);
  });
  attack(client, new Frames(random, responses, 0), random, watches, listener);
  return watches.filter(({ user }) => (user as ResponseRecorder).head !== undefined).length;
}
