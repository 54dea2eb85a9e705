import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Decoder } from "../../../../src/http/http2/hpack/decoder.ts";
import { Encoder } from "../../../../src/http/http2/hpack/encoder.ts";
import { Field, fieldOf, staticFields } from "../../../../src/http/http2/hpack/field.ts";
import { huffmanLength, readHuffman, writeHuffman } from "../../../../src/http/http2/hpack/huffman.ts";
import { writeInteger, writeString } from "../../../../src/http/http2/hpack/string.ts";
import { ConnectionError, errorCode } from "../../../../src/http/http2/protocol.ts";
import { hex } from "../wire.ts";

type Pairs = [string, string][];

function decode(decoder: Decoder, bytes: Buffer): Pairs {
  const pairs: Pairs = [];
  decoder.decode(bytes, 0, bytes.length, { add: ({ name, value }) => pairs.push([name, value]) });
  return pairs;
}

function encode(encoder: Encoder, fields: readonly Field[]): Buffer {
  encoder.begin();
  for (const field of fields) encoder.addField(field);
  const { bytes, length } = encoder.end();
  return Buffer.from(bytes.subarray(0, length));
}

const requests = [
  [":method GET", ":scheme http", ":path /", ":authority www.example.com"],
  [":method GET", ":scheme http", ":path /", ":authority www.example.com", "cache-control no-cache"],
  [
    ":method GET",
    ":scheme https",
    ":path /index.html",
    ":authority www.example.com",
    "custom-key custom-value",
  ],
];
const responses = [
  [
    ":status 302",
    "cache-control private",
    "date Mon, 21 Oct 2013 20:13:21 GMT",
    "location https://www.example.com",
  ],
  [
    ":status 307",
    "cache-control private",
    "date Mon, 21 Oct 2013 20:13:21 GMT",
    "location https://www.example.com",
  ],
  [
    ":status 200",
    "cache-control private",
    "date Mon, 21 Oct 2013 20:13:22 GMT",
    "location https://www.example.com",
    "content-encoding gzip",
    "set-cookie foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];
/** RFC 7541 appendix C: the blocks of one connection, what is in them, and the size of the table after each. */
const examples: readonly (readonly [
  string,
  number,
  readonly string[][],
  readonly string[],
  readonly number[],
])[] = [
  [
    "C.2.1",
    4096,
    [["custom-key custom-header"]],
    ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
    [55],
  ],
  ["C.2.2", 4096, [[":path /sample/path"]], ["040c2f73616d706c652f70617468"], [0]],
  ["C.2.3", 4096, [["password secret"]], ["100870617373776f726406736563726574"], [0]],
  ["C.2.4", 4096, [[":method GET"]], ["82"], [0]],
  [
    "C.3",
    4096,
    requests,
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    [57, 110, 164],
  ],
  [
    "C.4",
    4096,
    requests,
    [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    [57, 110, 164],
  ],
  [
    "C.5",
    256,
    responses,
    [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    [222, 222, 215],
  ],
  [
    "C.6",
    256,
    responses,
    [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    [222, 222, 215],
  ],
];

test("the examples of RFC 7541, appendix C, are read, and leave the table that they say", () => {
  for (const [name, most, fields, blocks, sizes] of examples) {
    const decoder = new Decoder(most);
    for (const [index, block] of blocks.entries()) {
      const lines = decode(decoder, hex(block)).map(([field, value]) => `${field} ${value}`);
      assert.deepEqual(lines, fields[index], name);
      assert.equal(decoder.tableSize, sizes[index], name);
    }
  }
});

test("a name and a value that tables have are written as their index, as in C.4", () => {
  const encoder = new Encoder();
  const fields = (lines: readonly string[]): Field[] =>
    lines.map((line) => fieldOf(line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)));
  const blocks = requests.map((lines) => encode(encoder, fields(lines)).toString("hex"));
  assert.deepEqual(blocks, examples.find(([name]) => name === "C.4")![3]);
});

test("integers are those of C.1, and no more than 6 bytes", () => {
  for (const [value, prefix, expected] of [
    [10, 5, "0a"],
    [1337, 5, "1f9a0a"],
    [42, 8, "2a"],
    [127, 7, "7f00"],
    [2 ** 31 - 1, 4, "0ff0ffffff07"],
  ] as const) {
    const bytes = Buffer.alloc(8);
    assert.equal(bytes.subarray(0, writeInteger(bytes, 0, 0, prefix, value)).toString("hex"), expected);
  }
});

const latin1 = fc
  .array(fc.nat(255), { maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));

test("every text comes back from Huffman's code, which is as long as was said", () => {
  fc.assert(
    fc.property(latin1, (text) => {
      const coded = Buffer.alloc(text.length * 4 + 4);
      const end = writeHuffman(text, coded, 0);
      assert.equal(end, huffmanLength(text));
      const into = Buffer.alloc(end * 2);
      const length = readHuffman(coded, 0, end, into);
      assert.equal(into.toString("latin1", 0, length), text);
    }),
  );
});

test("a string is never longer than its bytes and what says so", () => {
  fc.assert(
    fc.property(latin1, (text) => assert.ok(writeString(text, Buffer.alloc(2_000), 0) <= text.length + 3)),
  );
});

const names = fc.constantFrom(
  ":path",
  "accept",
  "authorization",
  "cookie",
  "etag",
  "x-a",
  "x-b",
  "x-a-rather-long-name-of-a-field",
  ":authority",
);
const values = fc.oneof(fc.constantFrom("", "a", "gzip, deflate", "/", "v".repeat(700)), latin1);

test("what is encoded is decoded, over many blocks and changes of the table's size, and both tables stay the same", () => {
  const list = fc.array(fc.tuple(names, values), { maxLength: 12 });
  const step = fc.tuple(fc.option(fc.nat(6000), { freq: 3 }), list);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const encoder = new Encoder();
      const decoder = new Decoder(6000);
      // As SETTINGS of a peer that keeps at most 4096 until it hears of it.
      for (const [limit, pairs] of steps) {
        if (limit !== null) encoder.limitTable(limit);
        const block = encode(
          encoder,
          pairs.map(([name, value]) => fieldOf(name, value)),
        );
        assert.deepEqual(decode(decoder, block), pairs);
        assert.equal(decoder.tableSize, encoder.tableSize);
        assert.ok(encoder.tableSize <= 4096);
      }
    }),
    { numRuns: 200 },
  );
});

test("the smallest and the last size of the table are said in the next block (RFC 7541 section 4.2)", () => {
  const encoder = new Encoder();
  encoder.limitTable(0);
  encoder.limitTable(100);
  assert.equal(encode(encoder, [staticFields[1]!]).toString("hex"), "203f4582");
  assert.equal(encode(encoder, [staticFields[1]!]).toString("hex"), "82");
  encoder.limitTable(1_000_000);
  assert.equal(encode(encoder, []).toString("hex"), "3fe11f", "no more than 4096");
});

test("secrets are in no table, and stay marked on their way", () => {
  const encoder = new Encoder();
  for (const name of ["authorization", "cookie", "set-cookie", "proxy-authorization"]) {
    const block = encode(encoder, [fieldOf(name, "secret")]);
    assert.equal(block[0]! & 0xf0, 0x10, name);
  }
  const seen: Field[] = [];
  const never = hex("100870617373776f726406736563726574");
  new Decoder().decode(never, 0, never.length, { add: (field) => seen.push(field) });
  assert.equal(encode(encoder, seen)[0]! & 0xf0, 0x10, "a literal that is never to be indexed stays one");
  assert.equal(encoder.tableSize, 0);
});

test("secrets with an empty value are in the static table, and so they may be an index", () => {
  assert.equal(encode(new Encoder(), [fieldOf("cookie", "")]).toString("hex"), "a0");
});

test("the same name and value are the same field, unless they are long or secret", () => {
  assert.equal(fieldOf("x-a", "b"), fieldOf("x-a", "b"));
  assert.equal(fieldOf(":method", "GET"), staticFields[1]);
  assert.notEqual(fieldOf("x-a", "b".repeat(600)), fieldOf("x-a", "b".repeat(600)));
  assert.notEqual(fieldOf("cookie", "b"), fieldOf("cookie", "b"));
  for (let index = 0; index < 20_000; index++) fieldOf("x-many", String(index));
  assert.equal(fieldOf(":method", "GET"), staticFields[1], "also after many others");
});

test("malformed blocks are errors of the connection", () => {
  for (const [what, block] of [
    ["index 0", "80"],
    ["an index behind the table", "be"],
    ["a name's index behind the table", "7e0161"],
    ["a name that is cut short", "000561"],
    ["no name", "00"],
    ["no value", "48"],
    ["an integer without end", "ffffffffffffffff7f"],
    ["an integer that is too large", "ffffffffff7f"],
    ["an integer that is cut short", "ff"],
    ["padding of zeros", "488106"],
    ["padding of a whole byte", "488207ff"],
    ["the code that ends a text", "4884ffffffff"],
    ["a table that is too large", "3fe21f"],
    ["a table's size behind a field", "8220"],
    ["a string that is longer than the block", "400a6375"],
  ] as const)
    assert.throws(
      () => decode(new Decoder(), hex(block)),
      (error) => error instanceof ConnectionError && error.code === errorCode.compression,
      what,
    );
});

test("a peer that was told of a smaller table must make its own smaller at once", () => {
  const decoder = new Decoder();
  decoder.limitTable(0);
  assert.throws(() => decode(decoder, hex("82")), /larger table/);
  assert.deepEqual(decode(decoder, hex("2082")), [[":method", "GET"]]);
});

test("any bytes are read or refused, and the table is never larger than it may be", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (blocks) => {
      const decoder = new Decoder(500);
      for (const block of blocks) {
        try {
          decode(decoder, Buffer.from(block));
        } catch (error) {
          assert.ok(error instanceof ConnectionError);
        }
        assert.ok(decoder.tableSize <= 500);
      }
    }),
    { numRuns: 500 },
  );
});

test("what may not be in a name or a value is found, once for each field", () => {
  const valid = (name: string, value: string): boolean => new Field(name, value, "plain").valid;
  for (const name of ["a", "x-y", ":path", "!#$%&'*+-.^_`|~0"]) assert.ok(valid(name, "v"), name);
  for (const name of ["", "A", "x y", "x:", ":other", ":", "é", "a\0", "a\x7f"])
    assert.ok(!valid(name, "v"), name);
  for (const value of ["", "a b\tc", "é\xff", 'a="b"']) assert.ok(valid("a", value), value);
  for (const value of ["\0", "a\r", "a\nb", " a", "a ", "\ta", "a\t", "\x7f", "\x01"])
    assert.ok(!valid("a", value), JSON.stringify(value));
});
