import { test } from "node:test";
import { fuzzClient, fuzzServer } from "../http/http2/fuzz.ts";
import { seededRandom } from "../support/pickers.ts";

const rounds = 100_000;
/** Another seed each day, which the name of the test tells. */
const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Date.now() / 86_400_000));

for (const [side, fuzz] of [
  ["servers", fuzzServer],
  ["clients", fuzzClient],
] as const)
  test(`${rounds} ${side} of HTTP/2 whose peers do anything, seed ${seed}`, () => {
    const random = seededRandom(seed);
    for (let round = 0; round < rounds; round++) fuzz(random);
  });
