import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PostgresListener, PostgresReader } from "../../../src/data/accept/postgres.ts";
import { postgresCodes, request, sslRequest } from "../../../src/tls/postgres.ts";

/** The outcome of reading a client that sends this in pieces, as far as it is read. */
function run(bytes: Buffer, piece = bytes.length, passesPlain = false) {
  const replies: string[] = [];
  const failures: string[] = [];
  let words = "";
  const listener: PostgresListener = {
    reply: (reply) => replies.push(String(reply)),
    upgraded: () => {},
    declined: () => replies.push("plain"),
    handshakeFailed(_result, detail, lastWords) {
      failures.push(detail);
      words = String(lastWords ?? "");
    },
  };
  const reader = new PostgresReader(listener, passesPlain);
  let taken: number | undefined;
  for (let end = piece; taken === undefined && failures.length === 0; end += piece) {
    taken = reader.read(bytes.subarray(0, end));
    if (end >= bytes.length) break;
  }
  if (taken !== undefined) reader.done();
  return { replies: replies.join(""), failures, taken, words };
}

const gss = request(postgresCodes.gssEncryption);
const hello = Buffer.from([22, 3, 1, 0, 5]);

test("an SSLRequest is granted and taken away, in whatever pieces it comes", () => {
  for (const piece of [1, 3, 8])
    assert.deepEqual(run(sslRequest, piece), { replies: "S", failures: [], taken: 8, words: "" });
});

test("a GSSENCRequest is refused once; an SSLRequest or a hello may follow", () => {
  // As clients do it, who wait for the answer: nothing is behind a request when it is read.
  const answered = (next: Buffer) => run(Buffer.concat([gss, next]), 8);
  assert.deepEqual(answered(sslRequest), { replies: "NS", failures: [], taken: 16, words: "" });
  assert.equal(answered(hello).taken, 8);
  assert.deepEqual(answered(gss).failures, ["neither TLS nor PostgreSQL"]);
});

test("a hello is left to TLS", () => {
  assert.deepEqual(run(hello), { replies: "", failures: [], taken: 0, words: "" });
});

test("nothing in the clear gets past a request: what comes along with it ends the connection", () => {
  fc.assert(
    fc.property(fc.constantFrom(sslRequest, gss), fc.uint8Array({ minLength: 1 }), (asked, extra) => {
      const { replies, taken, failures } = run(Buffer.concat([asked, extra]));
      assert.deepEqual([replies, taken, failures.length], ["", undefined, 1]);
    }),
  );
});

test("a startup message in the clear is answered with an error that psql shows", () => {
  const startup = Buffer.from([0, 0, 0, 41, 0, 3, 0, 0]);
  const { failures, words, taken } = run(startup);
  assert.deepEqual([failures, taken], [["a startup message without TLS"], undefined]);
  assert.equal(Buffer.from(words).readUInt32BE(1), words.length - 1);
  assert.match(words, /^E.{4}SFATAL\0VFATAL\0C28000\0Mthis server takes connections over TLS only/s);
});

test("where clients without TLS are served, they may decline it, and nothing of theirs is taken away", () => {
  const startup = Buffer.from([0, 0, 0, 41, 0, 3, 0, 0]);
  const cancel = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e]);
  const plain = { replies: "plain", failures: [], taken: 0, words: "" };
  for (const piece of [1, 8]) {
    assert.deepEqual(run(startup, piece, true), plain);
    assert.deepEqual(run(cancel, piece, true), plain);
    assert.equal(run(sslRequest, piece, true).replies, "S");
  }
  assert.deepEqual(run(Buffer.concat([gss, startup]), 8, true), { ...plain, replies: "Nplain", taken: 8 });
  assert.deepEqual(run(Buffer.from("GET / HTTP"), 10, true).failures, ["neither TLS nor PostgreSQL"]);
});

test("a reader decides within eight bytes, whatever comes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), (bytes) => {
      const { taken, failures } = run(Buffer.from(bytes));
      assert.ok(taken !== undefined || failures.length === 1);
    }),
  );
});
