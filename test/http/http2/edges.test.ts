import assert from "node:assert/strict";
import { test } from "node:test";
import { responseHead } from "./support.ts";
import { Talk } from "./talk.ts";
import { block, data, frame, get, headers, post, reset, settings, windowUpdate, word } from "./wire.ts";

test("a header block is the same wherever it goes on in CONTINUATION, and in 16 of them", () => {
  const bytes = block([...get, ["x-field", "value"], ["cookie", "a=b"]]);
  const inPieces = (...cuts: readonly number[]): Buffer[] => {
    const ends = [...cuts, bytes.length];
    return ends.map((end, index) => {
      const isLast = index === ends.length - 1;
      const flags = (index === 0 ? 0x1 : 0) | (isLast ? 0x4 : 0);
      return frame(index === 0 ? 1 : 9, flags, 1, bytes.subarray(ends[index - 1] ?? 0, end));
    });
  };
  const every = Array.from({ length: bytes.length + 1 }, (_, cut) => [cut]);
  const many = Array.from({ length: 16 }, (_, index) => index * 4);
  for (const cuts of [...every, many]) {
    const talk = Talk.begun();
    assert.deepEqual(talk.send(...inPieces(...cuts)), [], String(cuts));
    const { head } = talk.owner.requests[0]!;
    assert.deepEqual([head?.path, head?.fields.value(0), head?.fields.value(1)], ["/", "value", "a=b"]);
  }
});

test("a request whose answer waits for a window is taken back, and nothing of it is left", () => {
  const talk = Talk.begun();
  talk.send(settings([4, 0]), headers(1, get), headers(3, get));
  talk.owner.requests[0]!.stream.response(responseHead(200), false);
  talk.owner.requests[0]!.stream.body(Buffer.alloc(50_000), 0, 50_000, true);
  assert.deepEqual(
    talk.send().filter((line) => line.startsWith("data")),
    [],
  );
  assert.deepEqual(talk.send(reset(1), windowUpdate(1, 50_000)), []);
  assert.deepEqual([talk.server.count, talk.owner.requests[0]!.fault?.detail], [1, "stream_reset"]);
  talk.answer(10);
  assert.deepEqual(
    talk.send(windowUpdate(3, 100)).filter((line) => line.startsWith("data")),
    ["data 3 10 end"],
  );
  assert.equal(talk.server.count, 0);
});

test("a window that SETTINGS lower below what is under way is owed, to the byte, and may grow to 2^31 - 1", () => {
  const talk = Talk.begun();
  talk.send(headers(1, get));
  talk.answer(100_000);
  const sent = (lines: readonly string[]): number =>
    lines
      .filter((line) => line.startsWith("data"))
      .reduce((sum, line) => sum + Number(line.split(" ")[2]), 0);
  assert.equal(sent(talk.send(windowUpdate(0, 1_000_000))), 65_535);
  assert.equal(sent(talk.send(settings([4, 0]))), 0, "65,535 below 0");
  assert.equal(sent(talk.send(windowUpdate(1, 65_535))), 0);
  assert.equal(sent(talk.send(windowUpdate(1, 10))), 10);
  assert.equal(sent(talk.send(settings([4, 5]))), 5);
  assert.equal(sent(talk.send(settings([4, 2 ** 31 - 1]))), 100_000 - 65_535 - 15);
  assert.deepEqual([talk.server.count, talk.server.failure], [0, undefined]);
});

test("DATA that only pads is credited, on the stream and on the connection", () => {
  const talk = Talk.begun();
  talk.send(headers(1, post, 4));
  const padding = frame(0, 0x8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]));
  let credited = 0;
  for (let count = 0; count < 1_000; count++)
    for (const line of talk.send(padding))
      if (line.startsWith("windowUpdate 1 ")) credited += Number(line.split(" ")[2]);
  assert.ok(credited > 1_000 * 256 - 65_535, String(credited));
  assert.equal(talk.server.window.received, talk.server.window.credited);
  assert.deepEqual(talk.send(data(1, "end")), []);
  assert.equal(talk.owner.requests[0]!.text, "end");
});

test("frames behind the end of a request end its stream or its connection, and reach nobody", () => {
  for (const [late, expected] of [
    [headers(1, [["x", "y"]]), "reset 1 STREAM_CLOSED"],
    [data(1, "more", 0), "reset 1 STREAM_CLOSED"],
  ] as const) {
    const talk = Talk.begun();
    assert.deepEqual(talk.send(headers(1, get), late), [expected]);
    assert.equal(talk.owner.requests[0]!.fault?.detail, "cut_short");
    assert.equal(talk.owner.requests[0]!.text, "");
  }
});

test("PRIORITY_UPDATE for streams that are not there yet, or no more, changes nothing", () => {
  const talk = Talk.begun();
  const update = (id: number): Buffer => frame(16, 0, 0, Buffer.concat([word(id), Buffer.from("u=0")]));
  talk.send(headers(1, get));
  talk.answer(1);
  assert.deepEqual(talk.send(update(1), update(3), update(2 ** 31 - 1)).slice(-1), ["data 1 1 end"]);
  talk.send(headers(3, get));
  talk.answer(2);
  assert.deepEqual(talk.send().slice(-1), ["data 3 2 end"]);
  assert.equal(talk.server.failure, undefined);
});
