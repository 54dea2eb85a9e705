import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pass } from "../../../../../src/data/guard/step.ts";
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

const text = (writer: InstanceType<typeof BinaryWriter>, number: number, value: string) =>
  writer.tag(number, WireType.LengthDelimited).string(value);

/** A `HeaderValueOption`. */
function option(
  key: string,
  value: string,
  how: { append?: boolean | undefined; action?: number } = {},
): Uint8Array {
  const { append, action = 0 } = how;
  const header = text(text(new BinaryWriter(), 1, key), 2, value).finish();
  const made = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(header);
  if (append !== undefined)
    made.tag(2, WireType.LengthDelimited).bytes(Uint8Array.of(...(append ? [8, 1] : [])));
  return made.tag(3, WireType.Varint).int32(action).finish();
}

/** The verdict of an answer with this `OkHttpResponse`. */
function okOf(ok: Uint8Array): Pass {
  const answer = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(ok).finish();
  const verdict = readCheck(framed(answer), view, false);
  assert.ok(verdict.kind === "pass");
  return verdict;
}

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
  const ok = new BinaryWriter();
  for (const [key, value] of [
    ["x-user", "a\r\nx-admin: 1"],
    ["host", "evil"],
    ["x y", "1"],
    [":path", "/"],
  ] as const)
    ok.tag(2, WireType.LengthDelimited).bytes(option(key, value));
  const verdict = okOf(ok.finish());
  assert.equal(verdict.requestLines, "x-user: a  x-admin: 1\r\n");
  assert.deepEqual(verdict.replaces, ["x-user"]);
});

test("of fields that are set the last counts, others are appended to it, and what is removed stays away", () => {
  const changes = (
    made: readonly (readonly [key: string, value: string, append?: boolean])[],
    removed = "",
  ) => {
    const ok = new BinaryWriter();
    for (const [key, value, append] of made)
      ok.tag(2, WireType.LengthDelimited).bytes(option(key, value, { append }));
    if (removed !== "") ok.tag(5, WireType.LengthDelimited).string(removed);
    const { requestLines, replaces } = okOf(ok.finish());
    return [requestLines, replaces];
  };
  const x = "x-a: 1\r\n";
  assert.deepEqual(
    changes([
      ["x-a", "2"],
      ["x-a", "1"],
    ]),
    [x, ["x-a"]],
  );
  assert.deepEqual(
    changes([
      ["x-a", "1"],
      ["x-a", "2", true],
    ]),
    [`${x}x-a: 2\r\n`, ["x-a"]],
  );
  assert.deepEqual(changes([["x-a", "1", true]]), ["", []]);
  assert.deepEqual(changes([["x-a", "1"]], "x-a"), ["", ["x-a"]]);
});

test("a field for the client is added, or replaces others, as its server says", () => {
  const changes = (append: boolean | undefined, action = 0) => {
    const field = option("x-a", "1", { append, action });
    const { responseLines, answerFields } = okOf(
      new BinaryWriter().tag(6, WireType.LengthDelimited).bytes(field).finish(),
    );
    return responseLines !== "" ? responseLines : answerFields?.map(({ when }) => when).join();
  };
  const added = "x-a: 1\r\n";
  assert.deepEqual(
    [0, 1, 2, 3].map((action) => changes(undefined, action)),
    [added, "absent", "set", "present"],
  );
  assert.deepEqual([changes(true, 2), changes(false, 1)], [added, "set"]);
});
