import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  block,
  data,
  frame,
  get,
  headers,
  hello,
  Listener,
  ping,
  post,
  reset,
  settings,
  windowUpdate,
  word,
} from "../http/http2/wire.ts";
import { connectSocket, poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { outcomeOf } from "../support/http2-outcome.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

/** A connection that sends what it likes. */
class Attacker implements Disposable {
  readonly listener = new Listener();
  readonly socket: Socket;
  readonly ended: Promise<unknown>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.once("close", resolve));
    socket.on("data", (bytes: Buffer) => this.listener.hear(bytes));
    socket.on("end", () => socket.end());
    socket.write(hello);
  }

  static async of(port: number): Promise<Attacker> {
    return new Attacker(await connectSocket(port));
  }

  /** Sends so many times, or until umay has had enough. */
  async flood(most: number, bytes: (turn: number) => Buffer): Promise<void> {
    for (let turn = 0; turn < most && !this.socket.destroyed && this.goAway === undefined; turn++)
      if (!this.socket.write(bytes(turn))) await new Promise(setImmediate);
  }

  get goAway(): string | undefined {
    return this.listener.lines.find((line) => line.startsWith("goAway"))?.split(" ")[2];
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

const many = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes));
const idOf = (turn: number): number => 2 * turn + 1;

describe("attacks over HTTP/2", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let backend: NodeServer;
  let requests = 0;

  before(async () => {
    backend = resources.use(
      await NodeServer.start((response, { url = "" }) => {
        if (url === "/") requests++;
        if (url === "/alive") response.end("alive");
      }),
    );
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        [listeners.web]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        http.versions = ["2"]
        [listeners.old]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => resources.disposeAsync());

  /** Sends each turn's bytes, at most `most` times. `reached`: the most requests that a backend may get of it. */
  const attacks: Readonly<
    Record<
      string,
      { readonly most: number; readonly reached: number; readonly bytes: (turn: number) => Buffer }
    >
  > = {
    "requests that are reset with them": {
      most: 20_000,
      reached: 0,
      bytes: (turn) => Buffer.concat([headers(idOf(turn), get), reset(idOf(turn))]),
    },
    "requests that make umay reset them": {
      most: 20_000,
      reached: 100,
      bytes: (turn) => Buffer.concat([headers(idOf(turn), get), windowUpdate(idOf(turn), 0)]),
    },
    PING: { most: 2_000, reached: 0, bytes: () => many(100, ping()) },
    SETTINGS: { most: 2_000, reached: 0, bytes: () => many(100, settings()) },
    "DATA without data": {
      most: 2_000,
      reached: 1,
      bytes: (turn) => (turn === 0 ? headers(1, post, 4) : many(100, data(1, "", 0))),
    },
    CONTINUATION: {
      most: 2_000,
      reached: 0,
      bytes: (turn) => frame(turn === 0 ? 1 : 9, 0, 1, block([["x-part", "x".repeat(8_000)]])),
    },
    "frames that nobody knows": { most: 3_000, reached: 0, bytes: () => many(100, frame(0x99, 0, 0)) },
    "RST_STREAM of what is over": {
      most: 2_000,
      reached: 1,
      bytes: (turn) =>
        turn === 0 ? Buffer.concat([headers(1, get), reset(1)]) : many(100, frame(3, 0, 1, word(8))),
    },
  };

  for (const [name, { most, reached, bytes }] of Object.entries(attacks))
    test(`a flood of ${name} ends its connection, and no other`, async () => {
      using witness = await HttpClient.connect(umay.port("old"));
      const before = requests;
      const lines = umay.log.length;
      using attacker = await Attacker.of(umay.port("web"));
      await attacker.flood(most, bytes);
      await soon(attacker.ended, "the end of the attacker's connection");
      // A reset of the connection may overtake the frame.
      if (attacker.goAway !== undefined) assert.equal(attacker.goAway, "ENHANCE_YOUR_CALM");
      const line = await umay.logged(
        (logged) => umay.log.indexOf(logged) >= lines && logged["reason"] === "http2_error",
      );
      assert.match(line["http_error"] as string, /^ENHANCE_YOUR_CALM: /);
      witness.write("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal((await witness.response()).body.toString(), "alive");
      // By now all that was forwarded has come.
      assert.ok(requests - before <= reached, `${requests - before} requests reached the backend`);
    });

  test("a client that breaks a rule can read which, though more of it was on its way", async () => {
    for (let count = 0; count < 20; count++) {
      using attacker = await Attacker.of(umay.port("web"));
      attacker.socket.write(windowUpdate(0, 0));
      for (let part = 0; part < 60; part++) attacker.socket.write(many(50, ping()));
      await soon(attacker.ended, "the end of the attacker's connection");
      assert.equal(attacker.goAway, "PROTOCOL_ERROR");
    }
  });

  test("the line of a connection has the number of its useless frames", async () => {
    using attacker = await Attacker.of(umay.port("web"));
    attacker.socket.write(Buffer.concat([headers(1, post, 4), many(7, data(1, "", 0))]));
    attacker.socket.end();
    const line = await umay.logged(({ glitches }) => glitches === 7);
    assert.equal(line["listener"], "web");
  });
});

describe("a backend as attacker over HTTP/2", () => {
  const resources = new AsyncDisposableStack();
  let server: Server;
  let umay: RunningUmay;
  /** The backend's answer to each request, whose id it gets. */
  let say: (socket: Socket, id: number) => void = () => {};
  const sockets = new Set<Socket>();

  before(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
      const listener = new Listener();
      let isGreeted = false;
      socket.on("data", (bytes: Buffer) => {
        const skipped = isGreeted ? bytes : bytes.subarray(24);
        if (!isGreeted) socket.write(Buffer.concat([settings(), frame(4, 1, 0)]));
        isGreeted = true;
        for (const line of listener.hear(Buffer.from(skipped)))
          if (line.startsWith("headers ")) say(socket, Number(line.split(" ")[1]));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    resources.defer(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    });
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    umay = resources.use(
      await startUmay(`
        workers = 1
        admin.bind = "127.0.0.1:0"
        [listeners.old]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        ${poolToml("app", [address], 'http.version = "2"')}`),
    );
  });
  after(() => resources.disposeAsync());

  const answer = (id: number): Buffer => headers(id, [[":status", "200"]], 5);

  const attacks: Readonly<
    Record<string, readonly [status: number, say: (socket: Socket, id: number) => void]>
  > = {
    "a flood of PING": [502, (socket) => void socket.write(many(5_000, ping()))],
    "a flood of SETTINGS": [502, (socket) => void socket.write(many(5_000, settings()))],
    "a header block without an end": [
      502,
      (socket, id) => {
        socket.write(frame(1, 0, id, block([["x", "x".repeat(16_000)]])));
        socket.write(many(20, frame(9, 0, id, block([["x", "x".repeat(16_000)]]))));
      },
    ],
    "a head that is too large": [
      502,
      (socket, id) => {
        const large = block([
          [":status", "200"],
          ...Array.from({ length: 5 }, () => ["x", "x".repeat(15_000)] as const),
        ]);
        for (let at = 0; at < large.length; at += 16_000)
          socket.write(
            frame(at === 0 ? 1 : 9, at + 16_000 < large.length ? 0 : 4, id, large.subarray(at, at + 16_000)),
          );
      },
    ],
    "interim answers without an end": [
      502,
      (socket, id) => void socket.write(many(1_000, headers(id, [[":status", "103"]], 4))),
    ],
    "an answer to nobody": [502, (socket) => void socket.write(headers(99, [[":status", "200"]], 5))],
    "more data than it may send": [
      200,
      (socket, id) => {
        socket.write(
          headers(
            id,
            [
              [":status", "200"],
              ["content-length", "10000000"],
            ],
            4,
          ),
        );
        socket.write(many(10, data(id, Buffer.alloc(16_000), 0)));
      },
    ],
    "a push": [502, (socket, id) => void socket.write(frame(5, 4, id, Buffer.concat([word(2), block(get)])))],
  };

  test("what came of an answer reaches its client before the client is told that the rest is missing", async () => {
    const part = Buffer.alloc(15_000, "part");
    let breakOff = (): void => {};
    say = (socket, id) => {
      socket.write(
        Buffer.concat([headers(id, [[":status", "200"]], 4), data(id, part, 0), data(id, part, 0)]),
      );
      breakOff = () => void socket.write(reset(id));
    };
    // With a window that is smaller than what came, so that the rest waits in umay.
    const client = connect(`http://127.0.0.1:${umay.port("old")}`, {
      settings: { initialWindowSize: 10_000 },
    });
    const stream = client.request({ ":path": "/broken" });
    await soon(once(stream, "response"), "a head");
    breakOff();
    const line = await umay.logged(({ path }) => path === "/broken");
    assert.equal(line["reason"], "backend_closed");
    const { code, isWhole, body } = await outcomeOf(stream);
    client.destroy();
    assert.deepEqual([body.length, isWhole, code], [30_000, false, constants.NGHTTP2_INTERNAL_ERROR]);
  });

  for (const [name, [status, attack]] of Object.entries(attacks))
    test(`${name} ends the request, and the next one is served`, async () => {
      say = (socket, id) => {
        say = (next, its) => void next.write(answer(its));
        attack(socket, id);
      };
      using client = await HttpClient.connect(umay.port("old"));
      client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
      if (status === 502) assert.equal((await client.response("POST")).status, status);
      await client.ending();
      // Nothing that looks complete: its begin may have been passed on.
      assert.ok(client.surplus.length < 160_000);
      using next = await HttpClient.connect(umay.port("old"));
      next.write("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal((await next.response()).status, 200);
    });
});
