import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkDecoder } from "../../src/http/chunked.ts";
import {
  chunkEnd,
  chunkStart,
  lastChunk,
  lastChunkWith,
  wrap,
  wrapped,
} from "../../src/http/http1/reframe.ts";
import { malformed, scan, scanTrailers } from "../../src/http/scan.ts";
import { type FieldList, listOf } from "./recorder.ts";

interface Decoded {
  readonly body: string;
  readonly done: boolean;
  /** Bytes behind the body. */
  readonly rest: string;
  readonly fault: string | undefined;
  readonly trailers: FieldList | undefined;
}

function decode(text: string, cuts: readonly number[] = []): Decoded {
  const decoder = new ChunkDecoder();
  const places = [...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
  let [body, from] = ["", 0];
  for (const place of places) {
    const piece = Buffer.from(`##${text.slice(from, place)}##`, "latin1");
    const at = decoder.decode(piece, 2, piece.length - 2);
    assert.equal(piece.toString("latin1", 0, 2) + piece.toString("latin1", piece.length - 2), "####");
    if (at === malformed) return { body, done: false, rest: "", fault: decoder.detail, trailers: undefined };
    body += piece.toString("latin1", decoder.dataStart, decoder.dataEnd);
    from += at - 2;
    if (decoder.done) break;
    assert.equal(from, place);
  }
  const trailers = decoder.done ? decoder.readTrailers() : undefined;
  const fault = typeof trailers === "string" ? trailers : undefined;
  const list = typeof trailers === "object" ? listOf(trailers) : undefined;
  return { body, done: decoder.done, rest: decoder.done ? text.slice(from) : "", fault, trailers: list };
}

/** The same with regular expressions, on the whole text; undefined for what is malformed or not complete. */
function naive(text: string): { body: string; rest: string } | undefined {
  let [body, left] = ["", text];
  for (;;) {
    const [line, digits] = /^([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]{0,1024})?\r\n/.exec(left) ?? [];
    if (line === undefined || digits === undefined) return undefined;
    left = left.slice(line.length);
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    if (left.slice(size, size + 2) !== "\r\n") return undefined;
    body += left.slice(0, size);
    left = left.slice(size + 2);
  }
  const [trailers] = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/.exec(left) ?? [];
  return trailers === undefined ? undefined : { body, rest: left.slice(trailers.length) };
}

const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const extension = fc.constantFrom("", "", ";a", ";a=b; c", ';a="\xe9"');
const chunk = fc
  .tuple(latin1, extension, fc.boolean())
  .filter(([data]) => data !== "")
  .map(([data, its, upper]) => {
    const size = data.length.toString(16);
    return `${upper ? `00${size.toUpperCase()}` : size}${its}\r\n${data}\r\n`;
  });
const trailerLines = fc.array(fc.constantFrom("x: y\r\n", "a:\r\n", "checksum: \t1\r\n"), { maxLength: 3 });
const encoded = fc
  .tuple(fc.array(chunk, { maxLength: 6 }), fc.constantFrom("0", "000", "0;x"), trailerLines, latin1)
  .map(([chunks, last, lines, rest]) => `${chunks.join("")}${last}\r\n${lines.join("")}\r\n${rest}`);
const cuts = fc.array(fc.nat(400), { maxLength: 8 });

test("decodes as a naive decoder does, however the bytes are cut", () => {
  fc.assert(
    fc.property(encoded, cuts, (text, places) => {
      const { body, done, rest, fault } = decode(text, places);
      assert.deepEqual({ body, rest }, naive(text));
      assert.equal(done, true);
      assert.equal(fault, undefined);
    }),
  );
});

test("agrees with a naive decoder on what is malformed", () => {
  const spoilt = fc
    .tuple(encoded, fc.nat(400), fc.constantFrom("\r", "\n", "0", "g", "-", " ", ";", "\0", ""))
    .map(([text, at, byte]) => text.slice(0, at % text.length) + byte + text.slice((at % text.length) + 1));
  fc.assert(
    fc.property(spoilt, cuts, (text, places) => {
      const { body, done, rest, fault } = decode(text, places);
      assert.deepEqual(done && fault === undefined ? { body, rest } : undefined, naive(text));
    }),
    { numRuns: 500 },
  );
});

test("every split gives the same", () => {
  const text = "5;a=b\r\nhello\r\n00A\r\n, umay...!\r\n0\r\nX: 1\r\n\r\nGET";
  const whole = decode(text);
  assert.deepEqual(whole.trailers, [["x", "1"]]);
  assert.equal(whole.body, "hello, umay...!");
  for (let first = 0; first < text.length; first++)
    for (let second = first; second < text.length; second++)
      assert.deepEqual(decode(text, [first, second]), whole);
});

test("what is written in chunks is read again", () => {
  fc.assert(
    fc.property(fc.array(latin1, { maxLength: 5 }), trailerLines, cuts, (parts, lines, places) => {
      const framed = parts
        .filter((part) => part !== "")
        .map((part) => chunkStart(part.length) + part + chunkEnd);
      const end = lines.length === 0 ? lastChunk : `0\r\n${lines.join("")}\r\n`;
      const { body, done, rest } = decode(framed.join("") + end, places);
      assert.deepEqual({ body, done, rest }, { body: parts.join(""), done: true, rest: "" });
    }),
  );
});

test("trailers are passed without those that must stand in a head", () => {
  const text = Buffer.from("X-Sum: 1\r\nContent-Length: 5\r\nHost: a\r\nX-Forwarded-For: b\r\ny:\r\n\r\n");
  const { length } = text;
  assert.equal(scanTrailers(text, 0, length, { head: 8192, fields: 128, underscores: "drop" }), length);
  assert.equal(lastChunkWith(scan.fields), "0\r\nX-Sum: 1\r\ny:\r\n\r\n");
});

test("a part is framed where it stands, if there is room", () => {
  const bytes = Buffer.from("....hello.......");
  assert.equal(wrap(bytes, 4, 9, chunkStart(5), chunkEnd + lastChunk), true);
  assert.equal(bytes.toString("latin1", wrapped.start, wrapped.end), "5\r\nhello\r\n0\r\n\r\n");
  assert.equal(wrap(bytes, 2, 9, chunkStart(7), ""), false);
  assert.equal(wrap(bytes, 4, 9, "", chunkEnd + lastChunk + chunkEnd), false);
});

test("a decoder is used again after a body that was not complete", () => {
  const decoder = new ChunkDecoder();
  const bytes = Buffer.from("0\r\nx: y");
  decoder.decode(bytes, 0, bytes.length);
  decoder.reset();
  const next = Buffer.from("1\r\na\r\n0\r\n\r\n");
  assert.equal(decoder.decode(next, 0, next.length), next.length);
  assert.equal(decoder.done && !decoder.hasTrailers, true);
});
