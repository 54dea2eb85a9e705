import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";
import fc from "fast-check";
import { AnswerReader, encodeRequest } from "../../../src/http/http2/answer.ts";
import { decodeHeaders, encodeString } from "../../../src/http/http2/hpack.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const names = new Set([":status", "grpc-status", "grpc-message", "x", "custom-key", "location"]);

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.from([0, 0, 0, kind, flags, 0, 0, 0, stream]);
  head.writeUIntBE(payload.length, 0, 3);
  return Buffer.concat([head, payload]);
}

/** What is read of an answer that comes in these pieces. */
function read(pieces: Iterable<Buffer>) {
  const seen = { headers: [] as [string, string][], data: "", ended: false, replies: "", error: "" };
  const answer = new AnswerReader(names, {
    headers: (headers) => seen.headers.push(...headers),
    data: (bytes) => {
      seen.data += bytes.toString("latin1");
    },
    end: () => {
      seen.ended = true;
    },
  });
  try {
    for (const piece of pieces) seen.replies += answer.push(piece)?.toString("hex") ?? "";
  } catch (error) {
    seen.error = (error as Error).message;
  }
  return seen;
}

const settings = frame(4, 0, 0, Buffer.alloc(0));
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0]), encodeString(name), encodeString(value)]);
const answer = Buffer.concat([
  settings,
  frame(8, 0, 0, Buffer.alloc(4)),
  frame(6, 0, 0, Buffer.from("12345678")),
  frame(1, 0x28, 1, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9, 0x88]), Buffer.alloc(2)])),
  frame(9, 0, 1, Buffer.from([0x20])),
  frame(9, 4, 1, literal("x", "y")),
  frame(99, 0, 1, Buffer.from("unknown")),
  frame(0, 8, 1, Buffer.from([3, 104, 105, 0, 0, 0])),
  frame(7, 0, 0, hex("00000001 00000000")),
  frame(1, 5, 1, literal("grpc-status", "0")),
]);

test("an answer with padding, priority, continuation and frames of no interest is read, in whatever pieces it comes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(answer.length), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), answer.length];
      const seen = read(at.slice(1).map((end, index) => answer.subarray(at[index], end)));
      const { replies, ...rest } = seen;
      assert.deepEqual(rest, {
        headers: [
          [":status", "200"],
          ["x", "y"],
          ["grpc-status", "0"],
        ],
        data: "hi",
        ended: true,
        error: "",
      });
      // SETTINGS and PING are acknowledged, unless the answer is complete with the same read.
      const expected = `000000040100000000000008060100000000${Buffer.from("12345678").toString("hex")}`;
      assert.ok(expected.startsWith(replies));
    }),
  );
  const whole = read([answer.subarray(0, 60), answer.subarray(60)]).replies;
  assert.match(whole, /^000000040100000000000008060100000000/);
});

test("what is wrong with an answer is said", () => {
  const goes = (...frames: Buffer[]): string => read([Buffer.concat([settings, ...frames])]).error;
  assert.match(read([Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]).error, /not HTTP\/2/);
  assert.match(goes(frame(3, 0, 1, hex("00000007"))), /reset with REFUSED_STREAM/);
  assert.match(goes(frame(3, 0, 1, hex("0000"))), /too short/);
  assert.match(goes(frame(7, 0, 0, hex("00000000 0000000b"))), /ended with ENHANCE_YOUR_CALM/);
  assert.match(goes(frame(7, 0, 0, hex("00000000 00000000"))), /ended with NO_ERROR/);
  assert.match(goes(frame(0, 8, 1, hex("05 00"))), /padding/);
  assert.match(goes(frame(0, 8, 1, hex(""))), /padding/);
  assert.match(goes(frame(0, 0, 3, hex("00"))), /stream 3/);
  assert.match(goes(frame(0, 0, 0, hex("00"))), /without a stream/);
  assert.match(goes(frame(5, 0, 1, hex("00000002"))), /pushes/);
  assert.match(goes(frame(1, 0, 1, hex("88")), frame(0, 0, 1, hex("00"))), /cut short/);
  assert.match(goes(frame(9, 4, 1, hex("88"))), /cut short/);
  assert.match(goes(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1])), /too long/);
});

test("an answer without end fails: PING, SETTINGS, CONTINUATION, empty DATA, interim responses, bytes", () => {
  const endless = (...frames: Buffer[]) => {
    let pushed = 0;
    const one = Buffer.concat(frames);
    function* pieces() {
      yield settings;
      for (; pushed < 2 ** 20; pushed += one.length) yield one;
    }
    const seen = read(pieces());
    return { ...seen, pushed };
  };
  const empty = Buffer.alloc(0);
  const block = frame(1, 0, 1, hex("88"));
  for (const [frames, expected] of [
    [[frame(6, 0, 0, Buffer.alloc(8))], /more than 256 frames/],
    [[settings], /more than 256 frames/],
    [[frame(0, 0, 1, empty)], /more than 256 frames/],
    [[frame(1, 4, 1, literal(":status", "103"))], /more than 8 interim responses/],
    [[frame(99, 0, 0, Buffer.alloc(16_000))], /longer than 65536 bytes/],
    [[frame(0, 0, 1, Buffer.alloc(1_000))], /longer than 65536 bytes/],
  ] as const) {
    const { error, pushed, replies } = endless(...frames);
    assert.match(error, expected);
    assert.ok(pushed <= 80_000, `${pushed}`);
    assert.ok(replies.length <= 2 * 17 * 256);
  }
  const goOn = (payload: Buffer, count: number): string =>
    read([settings, block, ...Array.from({ length: count }, () => frame(9, 0, 1, payload))]).error;
  assert.match(goOn(empty, 300), /more than 256 frames/);
  assert.match(goOn(Buffer.alloc(10_000), 3), /header block that is too long/);
});

test("header blocks are read as in the examples of RFC 7541, appendix C", () => {
  const decoded = (block: string): Record<string, string> =>
    Object.fromEntries(decodeHeaders(hex(block), names));
  // C.2.1
  assert.deepEqual(decoded("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"), {
    "custom-key": "custom-header",
  });
  // C.6.1: 302, private, a date and a location, with Huffman coding.
  const response =
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
  assert.deepEqual(decoded(response), { ":status": "302" });
  // C.6.2, without the indices of a dynamic table: a change of its size to 0, and 307.
  assert.deepEqual(decoded("20 4883 640e ff"), { ":status": "307" });
  for (const [index, status] of ["200", "204", "206", "304", "400", "404", "500"].entries())
    assert.deepEqual(decoded((0x88 + index).toString(16)), { ":status": status });
});

test("malformed header blocks, and those that refer to a dynamic table, are refused", () => {
  for (const [block, expected] of [
    ["80", /index 0/],
    ["be", /dynamic table/],
    ["7e 01 61", /dynamic table/],
    ["3f e1 1f", /dynamic table/],
    ["00 05 61", /cut short/],
    ["00", /cut short/],
    ["48", /cut short/],
    ["ff ff ff ff ff 7f", /too large/],
    // Padding of zeros, of a whole byte, and the end-of-string code.
    ["48 81 06", /malformed string/],
    ["48 82 07 ff", /malformed string/],
    ["48 84 ff ff ff ff", /malformed string/],
  ] as const)
    assert.throws(() => decodeHeaders(hex(block), names), expected, block);
});

test("Node's server understands requests, and its answers with any header are understood", async () => {
  let respond: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = () => {};
  const server = createServer();
  server.on("stream", (stream, headers) => respond(stream, headers));
  server.on("sessionError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const text = fc.string({ unit: fc.constantFrom(...'abc019 /%:;\\~{}^|<>*#!"$&XYZ'), maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(
      text.map((value) => value.trim()),
      fc.string({ unit: "binary", maxLength: 20 }),
      async (value, authority) => {
        const host = `a${Buffer.from(authority).toString("hex").repeat(10).slice(0, 250)}`;
        let asked: IncomingHttpHeaders = {};
        respond = (stream, headers) => {
          asked = headers;
          stream.on("error", () => {});
          stream.respond({ ":status": 200, x: value, "content-type": "application/grpc" });
          stream.end("ok");
        };
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
        const request = {
          secure: false,
          path: "/a/b",
          authority: host,
          contentType: "c",
          userAgent: "u",
          body: Buffer.from("q"),
        };
        socket.write(encodeRequest(request));
        const headers = await new Promise<Record<string, string>>((resolve, reject) => {
          const found: Record<string, string> = {};
          const answered = new AnswerReader(names, {
            headers: (some) => void Object.assign(found, Object.fromEntries(some)),
            data: () => {},
            end: () => resolve(found),
          });
          socket.on("data", (chunk) => {
            const reply = answered.push(chunk);
            if (reply !== undefined) socket.write(reply);
          });
          socket.on("error", reject);
        });
        socket.destroy();
        assert.deepEqual(headers, { ":status": "200", x: value });
        assert.deepEqual(
          [asked[":method"], asked[":scheme"], asked[":path"], asked[":authority"], asked["te"]],
          ["POST", "http", "/a/b", host, "trailers"],
        );
      },
    ),
    { numRuns: 60 },
  );
});
