import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { GrpcStream } from "../../../src/providers/xds/grpc-stream.ts";
import { soon } from "../../support/peer.ts";

/** Why a stream ended that a server ends at once with this message. */
async function reasonWith(message: string): Promise<string> {
  await using server = createServer();
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, "grpc-status": "14", "grpc-message": message }, { endStream: true });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const { promise, resolve } = Promise.withResolvers<string>();
  new GrpcStream(connect(port, "127.0.0.1"), "control", "/a/b", {
    opened: () => {},
    message: async () => {},
    ended: resolve,
  });
  return await soon(promise, "the end of the stream");
}

test("the message of a status is decoded; one that is encoded wrongly is told as far as it can be", async () => {
  const prefix = "it ended the stream with gRPC status 14";
  assert.equal(await reasonWith("no%20room: 5%25"), `${prefix} no room: 5%`);
  assert.equal(await reasonWith("%FF"), `${prefix} \ufffd`);
  assert.equal(await reasonWith("5% of 100%"), `${prefix} 5% of 100%`);
  assert.equal(await reasonWith(""), prefix);
});
