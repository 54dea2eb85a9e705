import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import { drainOutput, RecordingServer, terms } from "./support.ts";
import { frame, get, headers, hello, hex, Listener, settings } from "./wire.ts";

function start(changes: Partial<ConnectionLimits>) {
  const server = new ServerConnection({ ...clientSideLimits, ...changes }, terms, new RecordingServer(), 0);
  const listener = new Listener();
  const send = (...frames: Buffer[]): string[] => {
    const bytes = Buffer.concat(frames);
    server.receive(bytes, 0, bytes.length, 0);
    return listener.hear(drainOutput(server));
  };
  return { server, listener, send };
}

const ack = frame(4, 1, 0);
const [preface] = [Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")];
/** A header block that sets the size of the table first. */
const sized = (size: string): Buffer => Buffer.concat([hex(size), headers(1, get).subarray(9)]);

test("a table that is smaller than usual holds once the client has agreed to it", () => {
  const { server, send } = start({ headerTable: 0 });
  send(preface!, settings());
  // It may not know yet.
  send(frame(1, 5, 1, sized("3fe11f")));
  assert.equal(server.failure, undefined);
  send(ack, frame(1, 5, 3, headers(3, get).subarray(9)));
  assert.match(server.failure!.message, /larger table/);
});

test("a client that makes its table as small as it has to goes on", () => {
  const { server, send } = start({ headerTable: 0 });
  send(hello, frame(1, 5, 1, sized("20")), headers(3, get));
  assert.equal(server.failure, undefined);
});

test("a table may be larger than usual where that was offered", () => {
  const size = "3fe17f"; // 16,384
  const larger = start({ headerTable: 16_384 });
  larger.send(hello, frame(1, 5, 1, sized(size)));
  assert.equal(larger.server.failure, undefined);
  const usual = start({});
  usual.send(hello, frame(1, 5, 1, sized(size)));
  assert.match(usual.server.failure!.message, /larger table/);
});

test("a peer that does not acknowledge SETTINGS within 10 s ends", () => {
  const { server, send, listener } = start({});
  send(preface!, settings());
  server.sweep(9_000);
  assert.equal(server.failure, undefined);
  server.sweep(10_001);
  listener.hear(drainOutput(server));
  assert.match(listener.lines.at(-1)!, /^goAway 0 SETTINGS_TIMEOUT/);
  const other = start({});
  other.send(hello);
  other.server.sweep(1e6);
  assert.equal(other.server.failure, undefined);
});
