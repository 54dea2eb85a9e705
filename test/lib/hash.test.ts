import assert from "node:assert/strict";
import { it } from "node:test";
import { hashString, mix } from "../../src/lib/hash.ts";

const count = 2 ** 16;
const families: Record<string, (index: number) => string> = {
  "neighbouring IPv4 addresses": (index) => `10.0.${index >> 8}.${index & 255}`,
  "ports of one address": (index) => `10.0.0.1:${index}`,
  "neighbouring IPv6 addresses": (index) => `2001:db8::${index.toString(16)}`,
  "numbered names": (index) => `host-${index}.example.com`,
};

for (const [name, key] of Object.entries(families)) {
  it(`${name} spread evenly and hardly ever collide`, () => {
    for (const seed of [0, 0x756d6179]) {
      const hashes = Array.from({ length: count }, (_, index) => hashString(key(index), seed) >>> 0);
      // Half a collision is to be expected among 2^16 random numbers of 32 bits; five or more once in 5,000 times.
      assert.ok(new Set(hashes).size > count - 5);
      for (const spread of [(hash: number) => hash % 251, (hash: number) => hash >>> 24]) {
        const cells = new Int32Array(256);
        for (const hash of hashes) cells[spread(hash)]!++;
        const used = cells.filter((hits) => hits > 0);
        const mean = count / used.length;
        const chiSquared = used.reduce((sum, hits) => sum + (hits - mean) ** 2 / mean, 0);
        // Chi-squared with 255 degrees of freedom exceeds 330 once in 1,000.
        assert.ok(used.length >= 251 && chiSquared < 330, `${chiSquared}`);
      }
    }
  });
}

it("every bit of the last character changes every bit of the hash about half of the time", () => {
  const samples = 4_096;
  for (let bit = 0; bit < 7; bit++) {
    const flips = new Int32Array(32);
    for (let index = 0; index < samples; index++) {
      const changed =
        hashString(`10.0.${index}.@`, 0) ^
        hashString(`10.0.${index}.${String.fromCharCode(64 ^ (1 << bit))}`, 0);
      for (let position = 0; position < 32; position++) flips[position]! += (changed >>> position) & 1;
    }
    // Five standard deviations.
    for (const flipped of flips) assert.ok(Math.abs(flipped - samples / 2) < 160, `${flips}`);
  }
});

it("different seeds give independent hashes", () => {
  let same = 0;
  for (let index = 0; index < count; index++) {
    const key = `10.0.${index >> 8}.${index & 255}:443`;
    if ((hashString(key, 1) & 255) === (hashString(key, 2) & 255)) same++;
  }
  assert.ok(Math.abs(same - 256) < 80, `${same}`);
});

it("hashes are the published FNV-1a, mixed, and signed integers of 32 bits", () => {
  // RFC 9923 lists 0xbf9cf968 for "foobar" and the offset basis for the empty string.
  assert.equal(hashString("foobar", 0), mix(0xbf9cf968));
  assert.equal(hashString("", 0), mix(0x811c9dc5));
  assert.equal(hashString("foobar", 0), hashString("foobar", 0) | 0);
});
