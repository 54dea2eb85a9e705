import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import { attachClient, readClientBytes } from "../../../src/data/sockets/events.ts";
import { own, SocketOwner } from "../../../src/data/sockets/owner.ts";
import { readBuffer } from "../../../src/data/sockets/read-buffer.ts";
import { writeLent } from "../../../src/data/sockets/writes.ts";
import { testCertificates } from "../../support/certificates.ts";

/** Notes what it hears, and pauses its client where it is told to. */
class Reader extends SocketOwner {
  readonly heard: Buffer[] = [];
  /** Reads that came in the worker's buffer. */
  shared = 0;
  readonly ended = Promise.withResolvers<void>();
  readonly #heardOne: (read: number) => void;

  constructor(heardOne: (read: number) => void = () => {}) {
    super();
    this.#heardOne = heardOne;
  }

  override clientBytes(length: number, buffer: Uint8Array): void {
    assert.equal(buffer, readBuffer);
    this.shared++;
    this.clientData(Buffer.from(buffer.subarray(0, length)));
  }

  override clientData(chunk: Buffer): void {
    this.heard.push(chunk);
    this.#heardOne(this.heard.length);
  }

  override clientEnded(): void {
    this.ended.resolve();
  }

  override clientFailed(error: Error): void {
    this.ended.reject(error);
  }
}

const { cert, key } = (await testCertificates()).ecdsa;
const secureContext = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });

async function listen(): Promise<{ server: Server; port: number; accepted: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true });
  const accepted = once(server, "connection").then(([socket]) => socket as Socket);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, port: (server.address() as { port: number }).port, accepted };
}

/** A client, and the socket that was accepted for it. */
async function pair(secure: boolean): Promise<{ client: Socket; served: Socket; close(): void }> {
  const { server, port, accepted } = await listen();
  const client = secure
    ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
    : connect(port, "127.0.0.1");
  const raw = await accepted;
  if (!secure) return { client, served: raw, close: () => void server.close() };
  const served = new TLSSocket(raw, { isServer: true, secureContext });
  await Promise.all([once(client, "secureConnect"), once(served, "secure")]);
  return { client, served, close: () => void server.close() };
}

for (const secure of [false, true])
  describe(secure ? "a client with TLS" : "a client without TLS", () => {
    for (const [every, how] of [
      [Number.POSITIVE_INFINITY, "and never paused"],
      [3, "and paused at each third read"],
    ] as const)
      test(`is read into the worker's buffer, whole and in order, ${how}`, async () => {
        const sent = randomBytes(3_000_000);
        const { client, served, close } = await pair(secure);
        const owned = own(served, new SocketOwner());
        const reader = new Reader((read) => {
          if (read % every !== 0) return;
          owned.pause();
          setImmediate(() => owned.resume());
        });
        owned.owner = reader;
        attachClient(owned);
        readClientBytes(owned);
        client.end(sent);
        await reader.ended.promise;
        assert.ok(Buffer.concat(reader.heard).equals(sent));
        if (every > sent.length) assert.equal(reader.shared, reader.heard.length);
        else assert.ok(reader.shared > reader.heard.length / 2, "it reads ahead where it is paused");
        client.destroy();
        served.destroy();
        close();
      });

    test("hands on what came before it was read", async () => {
      const { client, served, close } = await pair(secure);
      const early = once(served, "readable");
      client.write("early ");
      await early;
      const reader = new Reader();
      const owned = own(served, reader);
      attachClient(owned);
      served.removeAllListeners("readable");
      readClientBytes(owned);
      client.end("and late");
      await reader.ended.promise;
      assert.equal(String(Buffer.concat(reader.heard)), "early and late");
      client.destroy();
      served.destroy();
      close();
    });

    test("gets bytes as they were, though an empty write before them is under way", async () => {
      const { client, served, close } = await pair(secure);
      const buffer = Buffer.alloc(10_000, "a");
      const got: Buffer[] = [];
      client.on("data", (chunk: Buffer) => got.push(chunk));
      served.write(Buffer.alloc(0));
      writeLent(served, buffer, 0, buffer.length);
      buffer.fill("b");
      while (Buffer.concat(got).length < buffer.length) await once(client, "data");
      assert.equal(String(Buffer.concat(got)), "a".repeat(10_000));
      client.destroy();
      served.destroy();
      close();
    });

    test("gets bytes as they were, though their buffer is used again while it does not read", async () => {
      const { client, served, close } = await pair(secure);
      client.pause();
      const buffer = Buffer.allocUnsafe(80_000);
      const expected: Buffer[] = [];
      for (let write = 0; write < 400; write++) {
        const [start, end] = [write % 100, 500 + ((write * 7_919) % 79_500)];
        buffer.fill(write % 251);
        buffer.writeUInt32BE(write, start);
        expected.push(Buffer.from(buffer.subarray(start, end)));
        if (write % 5 === 0) {
          served.cork();
          setImmediate(() => served.uncork());
        }
        writeLent(served, buffer, start, end);
        if (write % 50 === 0) await new Promise(setImmediate);
      }
      assert.ok(served.writableLength > 0, "some of it waits");
      served.end();
      const got: Buffer[] = [];
      for await (const chunk of client) got.push(chunk as Buffer);
      assert.ok(Buffer.concat(got).equals(Buffer.concat(expected)));
      served.destroy();
      close();
    });
  });
