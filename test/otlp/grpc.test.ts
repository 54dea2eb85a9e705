import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { framed } from "../../src/lib/grpc-message.ts";
import { callOnce } from "../../src/otlp/grpc.ts";

const head = { ":status": 200, "content-type": "application/grpc" };

/** Calls a server that answers so. */
async function call(answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    answer(stream);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a/b`;
  try {
    return String(await callOnce(url, Buffer.from("asked"), {}, AbortSignal.timeout(60_000)));
  } finally {
    server.close();
  }
}

/** Answers with these bytes, and with this status of gRPC behind them. */
const answering = (bytes: Buffer, status = "0") =>
  call((stream) => {
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status, "grpc-message": "no" }));
    stream.end(bytes);
  });

test("the answer of a call is its one message", async () => {
  assert.equal(await answering(framed(Buffer.from("answer"))), "answer");
  assert.equal(await answering(framed(Buffer.alloc(0))), "");
});

test("an answer that is not one whole message is none", async () => {
  const whole = framed(Buffer.from("answer"));
  for (const bytes of [
    whole.subarray(0, -1),
    whole.subarray(0, 3),
    Buffer.concat([whole, whole]),
    Buffer.alloc(0),
  ])
    await assert.rejects(answering(bytes), /not one whole message/);
  const compressed = Buffer.from(whole);
  compressed[0] = 1;
  await assert.rejects(answering(compressed), /not one whole message/);
  await assert.rejects(answering(framed(Buffer.alloc(70_000))), /more than 65536 bytes/);
});

test("a call fails by its status, and where there is none", async () => {
  await assert.rejects(answering(framed(Buffer.from("answer")), "14"), /status 14 of gRPC: no/);
  await assert.rejects(
    call((stream) => stream.respond({ ":status": 503 }, { endStream: true })),
    /status 503/,
  );
  await assert.rejects(
    call((stream) => {
      stream.respond(head);
      stream.end(framed(Buffer.from("answer")));
    }),
    /without a status of gRPC/,
  );
});
