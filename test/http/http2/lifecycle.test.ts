import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import { backendSideLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import { errorCode } from "../../../src/http/http2/protocol.ts";
import { Scheduler, urgencyOf } from "../../../src/http/http2/scheduler.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import {
  converse,
  drainOutput,
  Owner,
  RecordingServer,
  ResponseRecorder,
  requestHead,
  responseHead,
  terms,
} from "./support.ts";
import { Talk } from "./talk.ts";
import { data, frame, get, headers, hello, ping, post, reset, settings, windowUpdate, word } from "./wire.ts";

function start() {
  const talk = Talk.begun();
  const { owner, server, listener } = talk;
  return {
    owner,
    server,
    listener,
    send: (...frames: Buffer[]): string[] => talk.send(Buffer.concat(frames)),
  };
}

test("a server says at once what it wants", () => {
  assert.deepEqual(new Talk().send(hello), ["settings", "windowUpdate 0 983041", "settings ack"]);
});

test("a drain tells the client twice: at once, and what was last when it knows", () => {
  const { server, owner, send, listener } = start();
  send(headers(1, get));
  server.drain();
  const asked = Buffer.from(drainOutput(server));
  assert.deepEqual(listener.hear(asked), [`goAway ${2 ** 31 - 1} NO_ERROR`, "ping"]);
  send(headers(3, get));
  assert.equal(owner.requests.length, 2, "it may not have known");
  assert.deepEqual(send(ping(1, asked.subarray(asked.length - 8))), ["goAway 3 NO_ERROR"]);
  assert.deepEqual(send(headers(5, post, 4), data(5, "late", 0)), [], "it knew: nothing of it is looked at");
  assert.equal(owner.requests.length, 2);
  for (const { stream } of owner.requests) stream.response(responseHead(200, 0), true);
  assert.equal(owner.isFinished, true);
  assert.equal(server.window.credited, server.window.received);
});

test("a drain that is asked for again does not wait for the client", () => {
  const { server, owner, send } = start();
  send(headers(1, get));
  server.drain();
  server.drain();
  assert.match(send().at(-1)!, /^goAway 1 NO_ERROR$/);
  assert.equal(owner.isFinished, false);
  send(reset(1));
  assert.equal(owner.isFinished, true);
});

test("PING of this side: how long the oldest has been waiting, and answers in order", () => {
  const { server, send } = start();
  assert.equal(server.pings.waitingSince, undefined);
  server.pings.send(5);
  server.pings.send(9);
  const bytes = Buffer.from(drainOutput(server));
  assert.equal(server.pings.waitingSince, 5);
  send(ping(1, bytes.subarray(26, 34)));
  assert.equal(server.pings.waitingSince, 5, "not the answer to the first");
  send(ping(1, bytes.subarray(9, 17)));
  assert.equal(server.pings.waitingSince, 9);
  send(ping(1, bytes.subarray(26, 34)));
  assert.equal(server.pings.waitingSince, undefined);
});

test("an error of the connection fails every request, says GOAWAY, and what comes then is dropped", () => {
  const { server, owner, send } = start();
  send(headers(1, get), headers(3, post, 4));
  assert.deepEqual(send(frame(5, 4, 1, word(2)), headers(5, get)), ["goAway 3 PROTOCOL_ERROR"]);
  assert.deepEqual(
    owner.requests.map(({ fault }) => fault?.detail),
    ["cut_short", "cut_short"],
  );
  assert.deepEqual(
    [send(ping(), headers(7, get)), server.failure === owner.error, server.count],
    [[], true, 0],
  );
  owner.requests[0]!.stream.response(responseHead(200), false);
  owner.requests[0]!.stream.body(Buffer.from("x"), 0, 1, true);
  owner.requests[0]!.stream.end(undefined);
  owner.requests[0]!.stream.cancel();
  assert.deepEqual(send(), [], "and nothing more is said");
});

test("a connection that is closed, or ended from here, fails what is under way", () => {
  const one = start();
  one.send(headers(1, post, 4), data(1, "part", 0));
  one.server.closed();
  assert.deepEqual(
    [one.owner.requests[0]!.fault?.detail, one.owner.requests[0]!.complete],
    ["cut_short", false],
  );
  const other = start();
  other.send(headers(1, get));
  other.server.abort(errorCode.none, "enough");
  assert.deepEqual(
    [other.send(), other.owner.requests[0]!.fault?.detail],
    [["goAway 1 NO_ERROR"], "cut_short"],
  );
});

test("a connection may be ended by a user who is just told of something: all hear of it once", () => {
  const { owner, server, send } = start();
  owner.onRequest = (request) => {
    request.body = () => {
      server.abort(errorCode.internal, "enough");
      return true;
    };
  };
  assert.deepEqual(send(headers(1, get), headers(3, post, 4), data(3, "a", 0), headers(5, get)), [
    "goAway 5 INTERNAL_ERROR",
  ]);
  assert.deepEqual(
    owner.requests.map(({ stream, fault }) => [stream.id, fault?.detail]),
    [
      [1, "cut_short"],
      [3, "cut_short"],
    ],
  );
});

test("a response that is cut short is reset, never ended", () => {
  const { owner, send } = start();
  send(headers(1, get));
  const { stream } = owner.requests[0]!;
  stream.response(responseHead(200), false);
  stream.body(Buffer.from("half"), 0, 4, false);
  stream.fail({ status: 502, reason: "backend_closed", detail: "cut_short" });
  assert.deepEqual(send(), ["headers 1 :status=200", "data 1 4", "reset 1 INTERNAL_ERROR"]);
});

test("a response that is cut short is reset behind what waits for the window", () => {
  const { owner, send, listener, server } = start();
  send(settings([4, 1]), headers(1, get));
  const { stream } = owner.requests[0]!;
  stream.response(responseHead(200), false);
  stream.body(Buffer.from("half"), 0, 4, false);
  stream.breakOff(errorCode.internal);
  assert.equal(server.count, 1);
  send(windowUpdate(1, 2));
  assert.equal(listener.bodies.get(1)!.toString(), "hal");
  assert.deepEqual(send(windowUpdate(1, 5)), ["data 1 1", "reset 1 INTERNAL_ERROR"]);
  assert.equal(listener.bodies.get(1)!.toString(), "half");
  assert.equal(server.count, 0);
  assert.equal(owner.requests[0]!.readies, 0, "nothing more is wanted of it");
});

test("a client that takes nothing of a response that is cut short is not waited for without end", () => {
  const { owner, send, server } = start();
  send(settings([4, 1]), headers(1, get));
  const { stream } = owner.requests[0]!;
  stream.response(responseHead(200), false);
  stream.body(Buffer.from("half"), 0, 4, false);
  stream.breakOff(errorCode.internal);
  server.sweep(60_000);
  assert.deepEqual([server.count, send().at(-1)], [0, "reset 1 CANCEL"]);
});

test("what waits for the window goes out in order, the trailers last", () => {
  const { owner, send, listener } = start();
  send(settings([4, 1]), headers(1, get));
  const { stream, ...user } = owner.requests[0]!;
  assert.notEqual(user.head, undefined);
  stream.response(responseHead(200), false);
  assert.equal(stream.body(Buffer.from("abc"), 0, 3, false), false);
  assert.equal(stream.body(Buffer.from("def"), 0, 3, false), false);
  stream.end(responseHead(200).fields);
  send(windowUpdate(1, 4));
  assert.equal(owner.requests[0]!.readies, 0);
  send(windowUpdate(1, 4));
  assert.equal(listener.bodies.get(1)!.toString(), "abcdef");
  assert.deepEqual(listener.lines.slice(-4), ["data 1 1", "data 1 4", "data 1 1", "headers 1  end"]);
});

test("streams take turns, the more urgent ones first (RFC 9218)", () => {
  const { owner, server, send, listener } = start();
  const urgent = (id: number, priority: string): Buffer => headers(id, [...get, ["priority", priority]]);
  send(settings([4, 1_000_000]), urgent(1, "u=5"), urgent(3, "u=5"), urgent(5, "u=2, i"), urgent(7, "u=5"));
  send(frame(16, 0, 0, Buffer.concat([word(7), Buffer.from("u=0")])));
  const part = Buffer.alloc(40_000);
  for (const { stream } of owner.requests) stream.response(responseHead(200), false);
  for (const { stream } of owner.requests) stream.body(part, 0, part.length, true);
  send(windowUpdate(0, 1_000_000));
  const order = listener.lines
    .filter((line) => line.startsWith("data"))
    .map((line) => Number(line.split(" ")[1]));
  // The first had the window to itself.
  const begun = order.findIndex((id) => id !== 1 && id !== 3);
  assert.deepEqual(order.slice(begun), [7, 7, 7, 5, 5, 5, ...order.slice(begun + 6)]);
  const rest = order.slice(begun + 6);
  assert.deepEqual(
    [...new Set(rest)].sort(),
    [1, 3].filter((id) => rest.includes(id)),
  );
  assert.equal(server.count, 0);
});

test("those of one urgency are served one after the other", () => {
  const scheduler = new Scheduler<{ urgency: number; waiting: boolean; name: string }>();
  const [a, b, c] = ["a", "b", "c"].map((name) => ({ urgency: 3, waiting: false, name }));
  for (const sender of [a!, b!, c!, a!]) scheduler.add(sender);
  assert.equal(scheduler.count, 3);
  const turns = Array.from({ length: 6 }, () => {
    const sender = scheduler.next()!;
    scheduler.add(sender);
    return sender.name;
  });
  assert.deepEqual(turns.join(""), "abcabc");
  scheduler.move(c!, 0);
  assert.equal(scheduler.next(), c);
  scheduler.remove(a!);
  assert.deepEqual([scheduler.next(), scheduler.next(), scheduler.count], [b, undefined, 0]);
});

test("a Priority field's urgency, where it has one", () => {
  for (const [field, urgency] of [
    ["u=0", 0],
    ["i, u=7", 7],
    ["u=1;x, i", 1],
    ["", 3],
    ["i", 3],
    ["u=8", 3],
    ["u=12", 3],
    ["u=", 3],
    ["xu=1", 3],
    ["xu=1,u=2", 2],
  ] as const)
    assert.equal(urgencyOf(field), urgency, field);
});

test("interim answers, upgrades and trailers pass from a backend's connection to a client's", () => {
  const serverOwner = new RecordingServer();
  const server = new ServerConnection(clientSideLimits, terms, serverOwner, 0);
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  const user = new ResponseRecorder();
  const stream = client.request(requestHead({ upgrade: "websocket", length: -1 }), false, user);
  converse(client, server);
  const request = serverOwner.requests[0]!;
  assert.equal(request.head!.upgrade, "websocket");
  request.stream.interim(responseHead(103, 0));
  request.stream.switched(responseHead(101));
  converse(client, server);
  assert.deepEqual([user.interims, user.isSwitched, user.head!.status], [[103], true, 101]);
  stream.body(Buffer.from("there"), 0, 5, true);
  converse(client, server);
  assert.deepEqual([request.text, request.complete, server.count], ["there", true, 1], "half of it goes on");
  request.stream.body(Buffer.from("back"), 0, 4, false);
  request.stream.end(undefined);
  converse(client, server);
  assert.deepEqual([user.text, user.complete, client.count, server.count], ["back", true, 0, 0]);
});
