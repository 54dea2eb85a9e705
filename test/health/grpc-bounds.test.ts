import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { createCheck } from "../../src/health/registry.ts";
import type { GrpcCheckSpec } from "../../src/model/health.ts";
import { block, data, frame, headers, hex, ping, reset, settings, word } from "../http/http2/wire.ts";
import { timing } from "./timing.ts";

const spec: GrpcCheckSpec = { ...timing, type: "grpc", tls: undefined, service: "", host: undefined };

/** How a check ends of a backend that says this once and that without end. */
async function outcome(first: Buffer, endless: Buffer): Promise<string> {
  const many = Buffer.concat(Array.from({ length: 100 }, () => endless));
  const server = createServer((socket: Socket) => {
    const goOn = (): void => {
      while (many.length > 0 && socket.write(many));
    };
    socket.on("error", () => {}).on("drain", goOn);
    socket.write(first);
    goOn();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const failure = await new Promise<Error | undefined>((resolve) => {
    createCheck(spec).check({ target: { kind: "tcp", host: "127.0.0.1", port } }, resolve);
  });
  server.close();
  return failure?.message ?? "passed";
}

const ok = headers(1, [[":status", "200"]], 4);

test("a backend whose answer has no end fails, by what it is too much of", async () => {
  for (const [what, first, endless, expected] of [
    ["PING", settings(), ping(), /^the answer has too many PING$/],
    ["SETTINGS", settings(), settings(), /^the answer has too many SETTINGS$/],
    [
      "empty DATA",
      Buffer.concat([settings(), ok]),
      data(1, "", 0),
      /^the answer has too many useless frames$/,
    ],
    [
      "CONTINUATION",
      Buffer.concat([settings(), frame(1, 0, 1, block([[":status", "200"]]))]),
      frame(9, 0, 1, hex("00016100")),
      /too many CONTINUATION/,
    ],
    ["interim answers", settings(), headers(1, [[":status", "103"]], 4), /too many interim responses/],
    ["unknown frames", settings(), frame(99, 0, 0, Buffer.alloc(100)), /longer than 65536 bytes/],
    ["a body", Buffer.concat([settings(), ok]), data(1, "x".repeat(500), 0), /longer than 1024 bytes/],
    [
      "fields",
      settings(),
      headers(1, [[":status", "200"], ...Array.from({ length: 200 }, () => ["a", "b"] as const)], 4),
      /head that is too large/,
    ],
  ] as const)
    assert.match(await outcome(first, endless), expected, what);
});

test("what is wrong with a backend's answer is said", async () => {
  for (const [first, expected] of [
    [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /^the answer is not HTTP\/2$/],
    [Buffer.concat([settings(), reset(1, 7)]), /^the stream was reset with REFUSED_STREAM$/],
    [
      Buffer.concat([settings(), frame(7, 0, 0, Buffer.concat([word(0), word(11)]))]),
      /^the connection was ended with ENHANCE_YOUR_CALM$/,
    ],
    [Buffer.concat([settings(), frame(1, 5, 1, hex("80"))]), /^the answer has a header block/],
    [
      Buffer.concat([settings(), headers(1, [["a", "b"]])]),
      /^the answer has a head that is none in HTTP\/2$/,
    ],
    [
      Buffer.concat([
        settings(),
        ok,
        headers(1, [
          ["grpc-status", "1"],
          ["grpc-message", "x".repeat(9_000)],
        ]),
      ]),
      /^grpc-status 1: x{200}, expected 0$/,
    ],
  ] as const)
    assert.match(await outcome(first, Buffer.alloc(0)), expected);
});
