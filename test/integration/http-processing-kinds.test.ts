import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cluster, envoyFile, httpFilter, typed } from "../support/envoy.ts";
import { answerTo, message, mutation, TestProcessor } from "../support/processor.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { acceptOf } from "../support/web-socket-echo.ts";

/* Processors (`ext_proc`) and the kinds of requests that are no plain exchange: WebSockets, and requests that are copied. */

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const resources = new AsyncDisposableStack();
let umay: RunningUmay;
let processor: TestProcessor;
/** Parts that the processor was asked about, by field number. */
const asked: number[] = [];
const copies: string[] = [];
const upgraded: (string | undefined)[] = [];

before(async () => {
  const dir = resources.use(mkdtempDisposableSync(join(tmpdir(), "umay-processing-kinds-"))).path;
  const backend = resources.use(await NodeServer.start());
  backend.server.on("upgrade", (request, socket) => {
    upgraded.push(request.headers["x-seen"] as string | undefined);
    socket.on("error", () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${acceptOf(key)}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  const copied = createServer((request, answer) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      body += part;
    });
    request.on("end", () => {
      copies.push(`${request.headers["x-seen"]} ${body}`);
      answer.end();
    });
  });
  copied.listen(0, "127.0.0.1");
  await once(copied, "listening");
  resources.defer(() => {
    copied.closeAllConnections();
    copied.close();
  });
  processor = resources.use(
    await TestProcessor.start(({ part, fields, body }) => {
      asked.push(part);
      if (fields.get("x-user") === "bad") return message([7, message([1, message([1, 401])])]);
      if (part === 2) return answerTo(2, [2, mutation({ "x-seen": "yes" })]);
      return part === 4 ? answerTo(4, [3, message([1, body.toString().toUpperCase()])]) : answerTo(part);
    }),
  );
  const path = join(dir, "envoy.json");
  const toA = { cluster: "a" };
  writeFileSync(
    path,
    envoyFile({
      port: 0,
      manager: { upgrade_configs: [{ upgrade_type: "websocket" }] },
      filters: [
        httpFilter("ext_proc.v3.ExternalProcessor", {
          grpc_service: { envoy_grpc: { cluster_name: "processor" } },
          message_timeout: "5s",
          processing_mode: { request_body_mode: "STREAMED", response_body_mode: "STREAMED" },
        }),
      ],
      routes: [
        {
          match: { prefix: "/copied" },
          route: { ...toA, request_mirror_policies: [{ cluster: "copied" }] },
        },
        { match: { prefix: "/" }, route: toA },
      ],
      clusters: [
        cluster("a", (backend.server.address() as AddressInfo).port),
        cluster("copied", (copied.address() as AddressInfo).port),
        cluster("processor", processor.port, {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              { explicit_http_config: { http2_protocol_options: {} } },
            ),
          },
        }),
      ],
    }),
  );
  umay = resources.use(await startUmay("", { args: ["--envoy-config", path], env: { UMAY__WORKERS: "1" } }));
});

after(() => resources.disposeAsync());

/** Asks for a WebSocket, and sends a text when it is there. @returns everything that comes until `end` does, or the end. */
async function upgrade(user: string, text: string, end: string): Promise<string> {
  const socket = connect(umay.port("l"), "127.0.0.1");
  socket.write(
    `GET /socket HTTP/1.1\r\nhost: x.test\r\nx-user: ${user}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
  );
  let got = "";
  let isSent = false;
  for await (const part of socket) {
    got += String(part);
    if (!isSent && got.includes("\r\n\r\n")) {
      isSent = true;
      socket.write(text);
    }
    if (got.endsWith(end)) break;
  }
  socket.destroy();
  return got;
}

test("a processor sees the head of a WebSocket, and no byte that goes over it", async () => {
  asked.length = 0;
  const got = await upgrade("good", "frames", "frames");
  assert.match(got, /^HTTP\/1\.1 101 .*\r\n\r\nframes$/s);
  assert.deepEqual(upgraded, ["yes"]);
  assert.deepEqual(asked, [2]);
  await becomes(
    () => processor.calls.size,
    (calls) => calls === 0,
    "calls under way",
  );
});

test("a processor may refuse a WebSocket, which no backend hears of then", async () => {
  const before = upgraded.length;
  assert.match(await upgrade("bad", "", "\r\n\r\n"), /^HTTP\/1\.1 401 /);
  assert.equal(upgraded.length, before);
});

test("a copy of a request has what the processor made of its head and its body", async () => {
  const outgoing = send({
    host: "127.0.0.1",
    port: umay.port("l"),
    path: "/copied",
    method: "POST",
    agent: false,
  });
  outgoing.end("hello");
  const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
  response.resume();
  assert.equal(response.statusCode, 200);
  const copy = await becomes(
    () => copies[0],
    (text) => text !== undefined,
    "the copy",
  );
  assert.equal(copy, "yes HELLO");
});

test("calls are ended and not reset, also of requests that the processor answers, or whose clients leave", async () => {
  const { resets } = processor;
  const idle = (): Promise<number> =>
    becomes(
      () => processor.calls.size,
      (calls) => calls === 0,
      "calls under way",
    );
  await idle();
  const before = resets.count;
  const ask = async (user: string, leaves: boolean): Promise<void> => {
    const outgoing = send({
      host: "127.0.0.1",
      port: umay.port("l"),
      method: "POST",
      agent: false,
      headers: { "x-user": user },
    });
    outgoing.on("error", () => {});
    const known = asked.length;
    outgoing.write("hello");
    if (leaves) {
      await becomes(
        () => asked.length,
        (count) => count >= known + 2,
        "questions",
      );
      outgoing.destroy();
      return;
    }
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
    await once(response.resume(), "end");
  };
  for (const [user, leaves] of [
    ["good", false],
    ["bad", false],
    ["good", true],
  ] as const)
    await ask(user, leaves);
  await idle();
  assert.equal(resets.count, before);
});
