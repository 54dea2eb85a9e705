import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { createProxy } from "./bare-proxy.ts";

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Node's client and Node's server, with the engine between them. */
describe("Node's HTTP through the engine", () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let backend: Server;
  let proxy: ReturnType<typeof createProxy>;

  before(async () => {
    backend = createServer(answer);
    backend.on("checkContinue", (message, response) => {
      response.writeContinue();
      answer(message, response);
    });
    backend.on("upgrade", (_, socket) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello ",
      );
      socket.pipe(socket);
    });
    proxy = createProxy(await listen(backend));
    await listen(proxy);
  });
  after(() => {
    agent.destroy();
    proxy.close();
    backend.close();
  });

  async function listen(server: Server | ReturnType<typeof createProxy>): Promise<number> {
    await once(server.listen(0, "127.0.0.1"), "listening");
    return (server.address() as AddressInfo).port;
  }

  function answer(message: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(message.url ?? "/", "http://a");
    if (pathname === "/cut") {
      response.writeHead(200, { "content-length": 10 });
      response.write("abc", () => message.socket.resetAndDestroy());
    } else if (pathname === "/hints") {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("hinted");
    } else if (pathname === "/204") response.writeHead(204).end();
    else if (pathname === "/trailers") {
      response.writeHead(200, { trailer: "x-sum" });
      message.on("data", (part) => response.write(part));
      message.on("end", () => {
        response.addTrailers({ "x-sum": String(message.trailers["x-sum"]) });
        response.end();
      });
    } else {
      const { "content-length": length } = message.headers;
      response.writeHead(200, { "x-via": message.headers.via, ...(length && { "content-length": length }) });
      message.pipe(response);
    }
  }

  async function send(path: string, options: RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> {
    const { port } = proxy.address() as AddressInfo;
    const asked = request({ host: "127.0.0.1", port, path, agent, ...options });
    // Node tells the request too of what happens to its response.
    asked.on("error", () => undefined);
    asked.end(body);
    const [response] = await once(asked, "response");
    return response as IncomingMessage;
  }

  test("one connection serves requests of every framing", async () => {
    const ports = new Set<number | undefined>();
    for (let round = 0; round < 3; round++) {
      const got = await send("/a?b=c");
      ports.add(got.socket.localPort);
      assert.equal(got.headers["x-via"], "1.1 umay");
      assert.equal(await text(got), "");
      const head = await send("/a", { method: "HEAD" });
      assert.equal(await text(head), "");
      assert.equal((await text(await send("/204"))).length, 0);
      const posted = await send(
        "/a",
        { method: "POST", headers: { "content-length": 5 } },
        Buffer.from("hello"),
      );
      assert.equal(posted.headers["content-length"], "5");
      assert.equal(await text(posted), "hello");
      const chunked = await send("/a", { method: "POST" }, Buffer.from("hello"));
      ports.add(chunked.socket.localPort);
      assert.equal(await text(chunked), "hello");
    }
    assert.equal(ports.size, 1);
  });

  test("8 MiB each way, of known and of unknown length, arrive unchanged", async () => {
    const bytes = Buffer.alloc(8 * 2 ** 20, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    for (const headers of [{ "content-length": bytes.length }, {}]) {
      const response = await send("/a", { method: "PUT", headers }, bytes);
      assert.equal(sha256(await buffer(response)), sha256(bytes));
    }
  });

  test("trailers pass, both ways", async () => {
    const { port } = proxy.address() as AddressInfo;
    const asked = request({ host: "127.0.0.1", port, path: "/trailers", agent, method: "POST" });
    asked.setHeader("trailer", "x-sum");
    asked.write("abc");
    asked.addTrailers({ "x-sum": "42" });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    assert.equal(await text(response), "abc");
    assert.equal(response.trailers["x-sum"], "42");
  });

  test("100 and 103 pass before the final response", async () => {
    const { port } = proxy.address() as AddressInfo;
    const headers = { expect: "100-continue", "content-length": 3 };
    const asked = request({ host: "127.0.0.1", port, path: "/a", agent, method: "POST", headers });
    await once(asked, "continue");
    asked.end("abc");
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    assert.equal(await text(response), "abc");
    const hinted = request({ host: "127.0.0.1", port, path: "/hints", agent });
    hinted.end();
    const [{ statusCode }] = (await once(hinted, "information")) as [{ statusCode: number }];
    assert.equal(statusCode, 103);
    const [final] = (await once(hinted, "response")) as [IncomingMessage];
    assert.equal(await text(final), "hinted");
  });

  test("a response that is cut short ends in a reset", async () => {
    await assert.rejects(async () => text(await send("/cut", { agent: false })), { code: "ECONNRESET" });
  });

  test("a tunnel carries bytes both ways, those behind the heads too", async () => {
    const socket = connect({ port: (proxy.address() as AddressInfo).port, host: "127.0.0.1" });
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly ");
    let seen = "";
    for await (const part of socket) {
      seen += String(part);
      if (seen.endsWith("hello early ")) socket.end("late");
    }
    assert.match(seen, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nhello early late$/);
  });

  test("HTTP/1.0 gets a body until the end, and pipelined requests their answers in order", async () => {
    const { port } = proxy.address() as AddressInfo;
    const say = async (words: string): Promise<string> => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.end(words);
      return text(socket);
    };
    const old = await say("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert.match(old, /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n\r\nabc$/);
    const post = (body: string): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n${body}`;
    const three = await say(`${post("1")}${post("2")}${post("3")}`);
    assert.deepEqual(
      [...three.matchAll(/\r\n\r\n(\d)/g)].map(([, body]) => body),
      ["1", "2", "3"],
    );
    assert.match(
      await say("GET / HTTP/1.1\r\n\r\n"),
      /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\(host_missing\)\n$/,
    );
  });
});
