import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseCoding, decideCompression } from "../../../../src/data/decide/http/compress.ts";
import { type Compression, codings } from "../../../../src/model/http/compression.ts";

for (const [accept, expected] of [
  [undefined, undefined],
  ["", undefined],
  ["gzip", "gzip"],
  ["gzip, br, zstd", "zstd"],
  ["gzip;q=1.0, br;q=0.9", "gzip"],
  ["br;q=0, gzip", "gzip"],
  ["*", "zstd"],
  ["*;q=0.5, zstd;q=0", "br"],
  ["x-gzip", "gzip"],
  ["GZIP ; Q=0.5", "gzip"],
  ["identity, gzip;q=0.5", undefined],
  ["identity;q=0, gzip;q=0.1", "gzip"],
  ["gzip;q=2, br;q=0.1", "br"],
  ["gzip;q=0.1234", undefined],
  ["deflate, compress", undefined],
] as const)
  test(`Accept-Encoding ${JSON.stringify(accept)} leads to ${expected}`, () =>
    assert.equal(chooseCoding(accept, codings), expected));

const compression: Compression = { codings, types: ["text/*", "+json", "image/svg+xml"], minSize: 100 };

function decided(
  fields: Readonly<Record<string, string>>,
  { status = 200, length = 1_000, accept = "gzip", isHead = false } = {},
) {
  const all: Readonly<Record<string, string>> = { "content-type": "text/html; charset=utf-8", ...fields };
  const answer = { status, length, field: (name: string) => all[name] };
  return decideCompression(compression, accept, answer, isHead);
}

test("what would gain is compressed, and what would not, or must not be, is left alone", () => {
  assert.equal(decided({}), "gzip");
  assert.equal(decided({}, { length: -1 }), "gzip");
  assert.equal(decided({ "content-type": "Application/Problem+JSON" }), "gzip");
  assert.equal(decided({ "content-encoding": "identity" }), "gzip");
  assert.equal(decided({}, { status: 404 }), "gzip");
  assert.equal(decided({}, { status: 304, length: 0 }), "gzip");
  assert.equal(decided({}, { accept: "br;q=0" }), "varies");
  for (const alone of [
    decided({}, { length: 99 }),
    decided({ "content-length": "99" }, { isHead: true, length: 0 }),
    decided({}, { status: 206 }),
    decided({}, { status: 204 }),
    decided({ "content-range": "bytes 0-1/2" }),
    decided({ "content-encoding": "br" }),
    decided({ "content-type": "text/event-stream" }),
    decided({ "content-type": "application/grpc+json" }),
    decided({ "content-type": "image/png" }),
    decided({ "content-type": "" }),
    decided({ "cache-control": "public, No-Transform" }),
  ])
    assert.equal(alone, "alone");
});
