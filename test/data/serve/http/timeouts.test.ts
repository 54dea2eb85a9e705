import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clock } from "../../../../src/data/clock.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { type FakeBackend, HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { lingerToTheEnd } from "../../../support/lingering.ts";

/** In milliseconds: less than every limit that has a default. */
const pause = 30_000;

const listener = (timeouts: string): string => `[listeners.web.timeouts]\n${timeouts}\n`;
const route = (timeouts: string): string =>
  `[routes.all]\npath_prefix = "/"\npool = "app"\ntimeouts = { ${timeouts} }\n`;

const get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const halfPost = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\nabc";
const halfAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
const webSocket =
  "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const switched =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/** A limit, what the two sides say before it is over, and how the request ends then. */
interface Case {
  readonly limit: string;
  readonly toml: string;
  readonly client: string;
  /** Undefined: no backend is asked. */
  readonly backend?: string;
  /** In milliseconds. */
  readonly after: number;
  readonly reason: string;
  /** Of umay's own answer; "cut": its head has gone already; undefined: the client gets a clean end. */
  readonly status: number | "cut";
}

const cases: readonly Case[] = [
  {
    limit: "request_header",
    toml: listener('request_header = "3s"'),
    client: "GET / HT",
    after: 3_000,
    reason: "request_timeout",
    status: 408,
  },
  {
    limit: "body_idle",
    toml: listener('body_idle = "3s"'),
    client: halfPost,
    backend: "",
    after: 3_000,
    reason: "body_idle",
    status: 408,
  },
  {
    limit: "min_body_rate",
    toml: '[listeners.web.http]\nmin_body_rate = "1KiB"\n',
    client: halfPost,
    backend: "",
    after: 10_000,
    reason: "body_too_slow",
    status: 408,
  },
  {
    limit: "first_byte",
    toml: route('first_byte = "3s"'),
    client: get,
    backend: "",
    after: 3_000,
    reason: "first_byte_timeout",
    status: 504,
  },
  {
    limit: "try",
    toml: route('try = "3s"'),
    client: get,
    backend: "",
    after: 3_000,
    reason: "try_timeout",
    status: 504,
  },
  {
    limit: "request before an answer",
    toml: route('request = "3s"'),
    client: get,
    backend: "",
    after: 3_000,
    reason: "request_timeout_backend",
    status: 504,
  },
  {
    limit: "request within an answer",
    toml: route('request = "3s"'),
    client: get,
    backend: halfAnswer,
    after: 3_000,
    reason: "request_timeout_backend",
    status: "cut",
  },
  {
    limit: "idle of the route",
    toml: route('idle = "3s"'),
    client: get,
    backend: halfAnswer,
    after: 3_000,
    reason: "idle_timeout",
    status: "cut",
  },
  {
    limit: "idle of the listener",
    toml: listener('idle = "3s"'),
    client: get,
    backend: halfAnswer,
    after: 3_000,
    reason: "idle_timeout",
    status: "cut",
  },
  {
    limit: "upgraded_idle",
    toml: listener('idle = "1s"\nupgraded_idle = "3s"'),
    client: webSocket,
    backend: switched,
    after: 3_000,
    reason: "upgraded",
    status: "cut",
  },
];

async function scene(toml: string): Promise<{ scene: HttpScene; client: FakeSocket }> {
  const scene = await HttpScene.of(toml);
  // Other tests of the process may have left it behind.
  clock.now = performance.now();
  return { scene, client: scene.accept() };
}

describe("a time limit", () => {
  for (const { limit, toml, client: said, backend: answer, after, reason, status } of cases)
    test(`${limit} ends a request with a reason of its own, not before its time`, async () => {
      const { scene: one, client } = await scene(toml);
      client.receive(Buffer.from(said));
      if (answer !== undefined) {
        const backend = one.backend();
        if (answer !== "") backend.send(answer);
      }
      const before = writtenTo(client);
      one.sweep(after - 500);
      assert.equal(writtenTo(client), before);
      assert.ok(!client.wasReset);
      one.sweep(after + 500);
      assert.equal(one.requests.at(-1)!.reason, reason);
      lingerToTheEnd();
      if (status === "cut") assert.ok(client.wasReset);
      else assert.match(writtenTo(client), new RegExp(`^HTTP/1\\.1 ${status} .*: ${reason}`, "s"));
      one.finish();
    });

  test("that nobody set cuts no stream, no WebSocket and no slow upload", async () => {
    const later = (one: HttpScene, count: number): void => {
      clock.now = performance.now() + count * pause;
      one.sweep(count * pause);
    };
    const talk = async (
      said: string,
      answer: string,
      goesOn: (client: FakeSocket, backend: FakeBackend) => void,
    ): Promise<void> => {
      const { scene: one, client } = await scene("");
      client.receive(Buffer.from(said));
      const backend = one.backend();
      if (answer !== "") backend.send(answer);
      for (let count = 1; count < 600; count++) {
        client.flow();
        later(one, count);
        goesOn(client, backend);
        assert.ok(!client.destroyed && one.requests.length === 0, `after ${count} pauses`);
      }
      one.finish();
    };
    const stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    await talk(get, stream, (_, backend) => backend.send("5\r\ndata\n\r\n"));
    await talk(webSocket, switched, (_, backend) => backend.send("x"));
    await talk(halfPost, "", (client) => client.receive(Buffer.from("x")));
  });
});
