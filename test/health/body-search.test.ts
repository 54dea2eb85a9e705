import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodySearch } from "../../src/health/body-search.ts";

function search(
  wanted: string,
  pieces: readonly Uint8Array[],
  most = 1_000,
): "found" | "missing" | undefined {
  const body = new BodySearch(wanted, most);
  for (const piece of pieces) {
    const found = body.add(piece);
    if (found !== undefined) return found;
  }
  return undefined;
}

test("a text is found where it is, in whatever pieces the body comes", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "é", "€", "😀"), maxLength: 40 });
  const few = fc.string({ unit: fc.constantFrom("a", "b", "é", "€", "😀"), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(letters, few, fc.array(fc.nat(160), { maxLength: 8 }), (text, wanted, cuts) => {
      const bytes = Buffer.from(text);
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      assert.equal(search(wanted, pieces), text.includes(wanted) ? "found" : undefined);
    }),
  );
});

test("no more characters are searched than is said, as UTF-16 counts them", () => {
  const pieces = (text: string): Buffer[] => [Buffer.from(text)];
  assert.equal(search("b", pieces("aaab"), 4), "found");
  assert.equal(search("b", pieces("aaaab"), 4), "missing");
  assert.equal(search("b", pieces("é€ab"), 4), "found");
  assert.equal(search("b", pieces("😀ab"), 4), "found");
  assert.equal(search("b", pieces("😀😀b"), 4), "missing");
  assert.equal(search("b", pieces("aaaa"), 4), undefined);
});

test("each byte is read once, also where nearly every one begins a match, in pieces of one byte", () => {
  const wanted = `${"a".repeat(1_000)}b`;
  const body = new BodySearch(wanted, 100_000);
  let reads = 0;
  const piece = new Proxy(Buffer.from("a"), {
    get(target, key) {
      if (key === "0") reads++;
      return Reflect.get(target, key, target);
    },
  });
  for (let count = 0; count < 50_000; count++) assert.equal(body.add(piece), undefined);
  assert.equal(reads, 50_000);
  assert.equal(body.add(Buffer.from("b")), "found");
});
