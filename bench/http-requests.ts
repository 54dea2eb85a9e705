/**
 * The cost of umay's own code for a request that it forwards, in nanoseconds and in bytes of heap: all of a worker's
 * path from the client's bytes to the backend, back, and to the log's line, between sockets that do nothing. TLS, the
 * system and Node's streams are no part of it. `node bench/http-requests.ts`; on a core of its own (`taskset -c 1`) it
 * is steadier.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { setFlagsFromString } from "node:v8";
import { clock } from "../src/data/clock.ts";
import { flushAll } from "../src/data/sockets/flushes.ts";
import { readBuffer } from "../src/data/sockets/read-buffer.ts";
import { ClientConnection } from "../src/http/http2/client-connection.ts";
import { FieldList } from "../src/http/http2/field-list.ts";
import { fieldOf } from "../src/http/http2/hpack/field.ts";
import { backendSideLimits } from "../src/http/http2/limits.ts";
import { createWorkerLogger } from "../src/observe/worker-logger.ts";
import { bytesPerCall } from "../test/support/allocation.ts";
import { FakeSocket } from "../test/support/fake-socket.ts";
import { HttpScene } from "../test/support/http-scene.ts";

const atOnce = 10;

/** A socket that takes everything, and keeps nothing. */
class Sink extends FakeSocket {
  last: Buffer | string = "";

  override write(bytes: Buffer | string, done?: unknown): boolean {
    this.last = bytes;
    if (typeof done === "function") done();
    return true;
  }
}

const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 29 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n" +
    "Content-Length: 12\r\nConnection: keep-alive\r\n\r\nHello, Umay!",
);

interface Upstream {
  readonly owner: { upstreamBytes(length: number, buffer: Uint8Array): boolean };
}

/** Characters of the log so far. */
let logged = 0;

/** A worker with one listener, and clients that are served over it. */
async function begin(listener: string) {
  const scene = await HttpScene.of("", { listener, backends: 1 });
  const dialled: Sink[] = [];
  const { logger } = createWorkerLogger({ level: "info" }, (lines) => {
    logged += lines.length;
  });
  Object.assign(scene.plane, {
    logger,
    dial: () => {
      const socket = new Sink();
      socket.connecting = true;
      dialled.push(socket);
      setImmediate(() => socket.connect("connect"));
      return socket;
    },
  });
  return { scene, dialled };
}

function answer(backend: Sink): void {
  response.copy(readBuffer);
  (backend as unknown as Upstream).owner.upstreamBytes(response.length, readBuffer);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns a function that has ten requests answered, one for each of ten clients. */
async function http1(): Promise<() => void> {
  const { scene, dialled } = await begin("max_requests_per_connection = 0");
  const request = Buffer.from("GET /small HTTP/1.1\r\nHost: 127.0.0.1:24000\r\n\r\n");
  const clients = Array.from(
    { length: atOnce },
    () => Object.setPrototypeOf(scene.accept(), Sink.prototype) as Sink,
  );
  for (const client of clients) client.emit("data", Buffer.from(request));
  await turn();
  for (const backend of dialled) answer(backend);
  assert.equal(dialled.length, atOnce);
  assert.match(String(clients[0]!.last), /^HTTP\/1.1 200 OK/);
  return () => {
    for (const client of clients) client.emit("data", request);
    for (const backend of dialled) answer(backend);
  };
}

/** @returns a function that has ten requests answered, all of one client. */
async function http2(): Promise<() => void> {
  const { scene, dialled } = await begin('max_requests_per_connection = 0\nhttp = { versions = ["2"] }');
  const client = Object.setPrototypeOf(scene.accept(), Sink.prototype) as Sink;
  const frames = framesOfRequest();
  const read = Buffer.alloc(frames.again.length * atOnce + frames.credit.length);
  let stream = 3;
  const ask = (): void => {
    let at = frames.credit.copy(read);
    for (let count = 0; count < atOnce; count++, stream += 2) {
      frames.again.copy(read, at);
      read.writeUInt32BE(stream, at + 5);
      at += frames.again.length;
    }
    client.emit("data", read);
  };
  client.emit("data", frames.first);
  ask();
  await turn();
  for (const backend of dialled) answer(backend);
  flushAll();
  assert.equal(dialled.length, atOnce + 1);
  const asked = dialled.slice(1);
  return () => {
    ask();
    for (const backend of asked) answer(backend);
    flushAll();
  };
}

/** The frames of a client that makes the same request again and again. */
function framesOfRequest() {
  const owner = { borrow: () => Buffer.alloc(65_536), wantsFlush() {}, failed() {}, finished() {} };
  const engine = new ClientConnection(backendSideLimits, owner, 0);
  const fields = new FieldList([fieldOf("user-agent", "h2load nghttp2/1.52.0")]);
  const head = {
    method: "GET",
    scheme: "https",
    authority: "127.0.0.1:24000",
    host: "127.0.0.1",
    path: "/small",
    query: "",
    secondPath: undefined,
    fields,
    length: 0,
    upgrade: "",
    expectsContinue: false,
    takesTrailers: false,
  } as const;
  const user = {
    interim() {},
    response() {},
    switched() {},
    ready() {},
    body: () => true,
    end() {},
    fail() {},
  };
  engine.request(head, true, user);
  const first = Buffer.from(engine.take()!);
  engine.request(head, true, user);
  const again = Buffer.from(engine.take()!);
  engine.writer.windowUpdate(0, 12 * atOnce);
  return { first, again, credit: Buffer.from(engine.take()!) };
}

const rounds = 10;

/** @returns the time of a request in the fastest of many rounds, in nanoseconds: the time of other processes is no part of it. */
function leastOf(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 4_000; performance.now() < end; ) {
    clock.now = performance.now();
    const began = performance.now();
    for (let count = 0; count < rounds; count++) run();
    least = Math.min(least, performance.now() - began);
  }
  const before = logged;
  for (let count = 0; count < 50 * rounds; count++) run();
  assert.ok(logged > before, "requests are not served any more");
  return (least * 1e6) / rounds / atOnce;
}

/** @returns the bytes of heap of a request. */
function bytesOf(run: () => void): number {
  const share = 1_000;
  const bytes = bytesPerCall((times) => {
    for (let count = 0; count < times; count += share) run();
  });
  return (share * bytes) / atOnce;
}

setFlagsFromString("--min-semi-space-size=16");
const rows: Record<string, string | number>[] = [];
for (const [name, make] of Object.entries({ "HTTP/1.1": http1, "HTTP/2": http2 })) {
  const run = await make();
  rows.push({ client: name, ns: Math.round(leastOf(run)), bytes: Math.round(bytesOf(run)) });
}
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.table(rows);
process.exit();
