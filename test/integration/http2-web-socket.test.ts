import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type ServerHttp2Stream } from "node:http2";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { Http2Backend } from "../support/http2-server.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { acceptOf } from "../support/web-socket-echo.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";

describe("WebSockets where a side speaks HTTP/2", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let old: NodeServer;
  let two: Http2Backend;
  const tunnels: ServerHttp2Stream[] = [];
  /** The answer of the backend of HTTP/1.1 to the key; undefined: the right one. */
  let accept: string | undefined;

  before(async () => {
    old = resources.use(await NodeServer.start());
    old.server.on("upgrade", (request, socket) => {
      socket.on("error", () => {});
      const agreed = accept ?? acceptOf(request.headers["sec-websocket-key"]!);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${agreed}\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    two = resources.use(
      await Http2Backend.start(
        (stream, headers) => {
          tunnels.push(stream);
          assert.equal(headers[":protocol"], "websocket");
          assert.equal(headers["sec-websocket-key"], undefined);
          stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
          stream.pipe(stream);
        },
        { settings: { enableConnectProtocol: true } },
      ),
    );
    const deaf = resources.use(await Http2Backend.start());
    const route = (name: string, address: string, version: string): string =>
      `[routes.${name}]\nhosts = ["${name}.test"]\npool = "${name}"\n${poolToml(name, [address], `http.version = "${version}"`)}`;
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        [listeners.one]
        bind = "127.0.0.1:0"
        mode = "http"
        [listeners.two]
        bind = "127.0.0.1:0"
        mode = "http"
        http.versions = ["2"]
        ${route("old", old.address, "1.1")}
        ${route("two", two.address, "2")}
        ${route("deaf", deaf.address, "2")}
        [routes.closed]
        hosts = ["closed.test"]
        pool = "old"
        upgrades = []`),
    );
  });
  after(() => resources.disposeAsync());

  async function session(): Promise<ClientHttp2Session & Disposable> {
    const client = connect(`http://127.0.0.1:${umay.port("two")}`);
    client.on("error", () => {});
    await soon(once(client, "remoteSettings"), "SETTINGS");
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  }

  const ask = (client: ClientHttp2Session, host: string, path = "/"): ClientHttp2Stream => {
    const stream = client.request(
      {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":authority": `${host}.test`,
        ":path": path,
        "sec-websocket-version": "13",
      },
      { endStream: false },
    );
    stream.on("error", () => {});
    return stream;
  };

  const statusOf = async (stream: ClientHttp2Stream): Promise<number> => {
    const [head] = await soon(once(stream, "response"), "an answer");
    assert.equal(head["sec-websocket-accept"], undefined);
    return head[":status"];
  };

  for (const host of ["old", "two"])
    test(`300 kB come back over a stream, and its end does (${host})`, async () => {
      using client = await session();
      const stream = ask(client, host, `/echo-${host}`);
      assert.equal(await statusOf(stream), 200);
      const sent = Buffer.alloc(300_000, "umay");
      stream.end(sent);
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      await soon(once(stream, "end"), "the end of a tunnel");
      assert.ok(Buffer.concat(parts).equals(sent));
      const line = await umay.logged(({ path }) => path === `/echo-${host}`);
      assert.deepEqual(
        [line["reason"], line["received"], line["sent"]],
        ["upgraded", sent.length, sent.length],
      );
    });

  test("a client of HTTP/1.1 gets the answer to its key from a backend of HTTP/2", async () => {
    using client = await HttpClient.connect(umay.port("one"));
    client.write(
      `GET /late HTTP/1.1\r\nHost: two.test\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\nearly`,
    );
    const head = await soon(
      (async () => {
        while (!client.surplus.includes("early", client.surplus.indexOf("\r\n\r\n")))
          await once(client.socket, "data");
        return client.surplus.toString("latin1");
      })(),
      "a tunnel",
    );
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assert.match(head, /sec-websocket-protocol: chat\r\n/);
    tunnels.at(-1)!.end();
    assert.equal(await client.ending(), "end");
  });

  test("a backend that answers another key is not believed", async () => {
    accept = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    using client = await session();
    assert.equal(await statusOf(ask(client, "old")), 502);
    accept = undefined;
  });

  test("a backend of HTTP/2 that offers no tunnels is not asked, and a route may refuse them", async () => {
    using client = await session();
    assert.equal(await statusOf(ask(client, "deaf", "/deaf")), 502);
    const line = await umay.logged(({ path }) => path === "/deaf");
    assert.deepEqual([line["reason"], line["detail"]], ["upgrade_failed", "no_extended_connect"]);
    assert.equal(await statusOf(ask(client, "closed")), 403);
  });

  test("a client that goes resets the backend's side, and one that is reset sees it", async () => {
    using client = await session();
    const stream = ask(client, "two");
    assert.equal(await statusOf(stream), 200);
    const tunnel = tunnels.at(-1)!;
    const closed = once(tunnel, "close");
    stream.close(8);
    await soon(closed, "the end of the backend's side");
    const other = ask(client, "two");
    assert.equal(await statusOf(other), 200);
    tunnels.at(-1)!.close(2);
    await soon(once(other, "close"), "the end of the client's side");
  });
});
