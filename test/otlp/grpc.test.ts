import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { framed } from "../../src/lib/grpc-message.ts";
import { loadWire } from "../../src/lib/wire.ts";
import { SendFailure } from "../../src/otlp/failure.ts";
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
const answering = (bytes: Buffer, status = "0", details = Buffer.alloc(0)) =>
  call((stream) => {
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () =>
      stream.sendTrailers({
        "grpc-status": status,
        "grpc-message": "no",
        "grpc-status-details-bin": details.toString("base64"),
      }),
    );
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

/** `google.rpc.Status` with these details. */
const statusWith = (type: string, value: Buffer): Buffer<ArrayBuffer> => {
  const field = (number: number, bytes: Buffer): Buffer<ArrayBuffer> =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  return field(3, Buffer.concat([field(1, Buffer.from(`type.googleapis.com/${type}`)), field(2, value)]));
};

test("a call that fails for a while may be made again, at the earliest when the collector says so", async () => {
  await loadWire();
  const again = async (code: string, details?: Buffer<ArrayBuffer>): Promise<unknown> => {
    const failure = await answering(Buffer.alloc(0), code, details).catch((error: unknown) => error);
    assert.ok(failure instanceof SendFailure);
    return failure.again;
  };
  for (const code of ["1", "4", "10", "11", "14", "15"]) assert.equal(await again(code), 0, code);
  for (const code of ["2", "3", "7", "8", "12", "13", "16"]) assert.equal(await again(code), undefined, code);
  // A delay of 2 s and 500,000,000 ns.
  const delay = Buffer.from([0x0a, 0x08, 0x08, 0x02, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]);
  const info = statusWith("google.rpc.RetryInfo", delay);
  assert.equal(await again("8", info), 2_500);
  assert.equal(await again("14", info), 2_500);
  assert.equal(await again("3", info), undefined);
  assert.equal(await again("8", statusWith("google.rpc.ErrorInfo", delay)), undefined);
  assert.equal(await again("14", info.subarray(0, -1)), 0);
});

test("a call whose server is away, or answers with a passing status of HTTP, may be made again", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const away = call((stream) => {
    stream.session!.destroy();
    resolve();
  });
  await assert.rejects(away, { name: "SendFailure", again: 0 });
  await promise;
  const busy = (status: number): Promise<string> =>
    call((stream) => stream.respond({ ":status": status, "retry-after": "3" }, { endStream: true }));
  await assert.rejects(busy(503), { again: 3_000 });
  await assert.rejects(busy(404), { again: undefined });
});
