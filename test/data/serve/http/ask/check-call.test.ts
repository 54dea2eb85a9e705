import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCheck } from "../../../../../src/data/serve/http/ask/check-call.ts";
import type { RequestView } from "../../../../../src/data/serve/http/view.ts";
import { loadWire } from "../../../../../src/lib/wire.ts";

const { BinaryWriter, WireType } = await loadWire();
const view = { method: "GET", header: () => undefined } as unknown as RequestView;

const framed = (message: Uint8Array): Buffer => {
  const body = Buffer.alloc(5 + message.length);
  body.writeUInt32BE(message.length, 1);
  body.set(message, 5);
  return body;
};

test("whatever a server answers, there is a verdict, and only OK lets in", () => {
  assert.equal(readCheck(framed(new Uint8Array()), view, false).kind, "pass");
  const denied = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(8, 7)).finish();
  const verdict = readCheck(framed(denied), view, false);
  assert.deepEqual([verdict.kind, verdict.kind === "refuse" && verdict.reason], ["refuse", "auth_denied"]);
  for (const bytes of [[], [0, 0, 0, 0, 9], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0xff]]) {
    const broken = readCheck(Buffer.from(bytes), view, false);
    assert.deepEqual(
      [broken.kind, broken.kind === "refuse" && broken.reason],
      ["refuse", "auth_unavailable"],
    );
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.ok(["pass", "refuse"].includes(readCheck(framed(bytes), view, false).kind));
    }),
  );
});

test("names that no field may have change nothing, and no value begins a line of its own", () => {
  const text = (writer: InstanceType<typeof BinaryWriter>, number: number, value: string) =>
    writer.tag(number, WireType.LengthDelimited).string(value);
  const option = (key: string, value: string): Uint8Array =>
    new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(text(text(new BinaryWriter(), 1, key), 2, value).finish())
      .finish();
  const ok = new BinaryWriter();
  for (const [key, value] of [
    ["x-user", "a\r\nx-admin: 1"],
    ["host", "evil"],
    ["x y", "1"],
    [":path", "/"],
  ] as const)
    ok.tag(2, WireType.LengthDelimited).bytes(option(key, value));
  const answer = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(ok.finish()).finish();
  const verdict = readCheck(framed(answer), view, false);
  assert.ok(verdict.kind === "pass");
  assert.equal(verdict.requestLines, "x-user: a  x-admin: 1\r\n");
  assert.deepEqual(verdict.replaces, ["x-user"]);
});
