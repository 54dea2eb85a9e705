import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { seededRandom } from "../support/pickers.ts";
import { settled } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

/** A backend that keeps connections, and closes them as it likes between two requests. */
class KeepingBackend implements AsyncDisposable {
  #server: Server | undefined;
  port = 0;
  requests = 0;
  /** How many connections that had served it has closed. */
  closed = 0;
  readonly #open = new Set<Socket>();
  /** Those that wait for a second request, or a later one. */
  readonly #idle = new Set<Socket>();

  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Closes its port, and what is idle; nothing else is open where nobody waits for an answer. */
  async stop(): Promise<void> {
    this.#server!.close();
    for (const socket of this.#open) socket.destroy();
    await once(this.#server!, "close");
  }

  /** Closes what is idle, whatever is on its way there. */
  closeIdle(): void {
    this.closed += this.#idle.size;
    for (const socket of this.#idle) socket.destroy();
    this.#idle.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server!.listening) await this.stop();
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#open.delete(socket);
      this.#idle.delete(socket);
    });
    socket.on("end", () => socket.end());
    socket.on("data", () => {
      this.#idle.delete(socket);
      this.requests++;
      setImmediate(() => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        this.#idle.add(socket);
      });
    });
  }
}

const configuration = (address: string): string => `
  workers = 1
  admin = { bind = "127.0.0.1:0" }
  listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
  ${poolToml("app", [address], "outlier.enabled = false")}`;

async function get(client: HttpClient): Promise<string> {
  client.write("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
  const { status, body } = await client.response();
  return `${status} ${body.toString()}`;
}

test("a backend that closes idle connections at any moment costs no request", async () => {
  await using backend = new KeepingBackend();
  await backend.start();
  await using umay = await startUmay(configuration(`127.0.0.1:${backend.port}`));
  const random = seededRandom(7);
  let isStopped = false;
  let asked = 0;
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      using client = await HttpClient.connect(umay.port("web"));
      for (; !isStopped; asked++) {
        assert.equal(await get(client), "200 ok");
        if (random() < 0.2) await sleep(random() * 5);
      }
    }),
  );
  const isRepeated = (): boolean =>
    umay.log.filter(({ attempts }) => (attempts as { error?: string }[])?.[0]?.error === "reused-reset")
      .length >= 10;
  for (let round = 0; round < 2_000 && !(isRepeated() && backend.closed >= 200); round++) {
    await sleep(random() * 4);
    backend.closeIdle();
  }
  isStopped = true;
  await load;
  assert.ok(isRepeated(), "no request met a connection that closed");
  assert.ok(backend.requests <= asked, `${backend.requests} requests came of ${asked}`);
  await settled(umay);
});

test("a backend that stops and starts again and again between requests costs no request", async () => {
  await using backend = new KeepingBackend();
  await backend.start();
  await using umay = await startUmay(configuration(`127.0.0.1:${backend.port}`));
  const clients = await Promise.all(Array.from({ length: 4 }, () => HttpClient.connect(umay.port("web"))));
  for (let round = 0; round < 50; round++) {
    assert.deepEqual(await Promise.all(clients.map(get)), Array(4).fill("200 ok"), `round ${round}`);
    await backend.stop();
    await backend.start();
  }
  for (const client of clients) client[Symbol.dispose]();
  assert.equal(backend.requests, 200);
  await settled(umay);
});
