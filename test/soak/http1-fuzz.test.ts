import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkAnswered,
  checkForwarded,
  mutate,
  outcomeOf,
  readRequests,
  requestStreams,
  responseStreams,
} from "../http/http1/round-trip.ts";
import { seededRandom } from "../support/pickers.ts";

const rounds = 300_000;
/** Another seed each day, which the name of the test tells. */
const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Date.now() / 86_400_000));

/** Each text is made of one of the first, or of one that was made before. */
function* mutations(streams: readonly string[]): Generator<[text: string, cuts: number[]]> {
  const random = seededRandom(seed);
  const made: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = random() < 0.5 && made.length > 0 ? made : streams;
    const text = mutate(from[Math.floor(random() * from.length)]!, random).slice(0, 2_000);
    made[Math.floor(random() * Math.min(made.length + 1, 200))] = text;
    yield [text, Array.from({ length: 4 }, () => Math.floor(random() * text.length))];
  }
}

test(`${rounds} mutated requests, seed ${seed}: read alike however they are cut, and passed on as one each`, () => {
  for (const [text, cuts] of mutations(requestStreams)) {
    assert.deepEqual(readRequests(text, cuts), readRequests(text, []), JSON.stringify(text));
    checkForwarded(text);
  }
});

test(`${rounds} mutated responses, seed ${seed}`, () => {
  for (const [text, cuts] of mutations(responseStreams)) {
    assert.deepEqual(outcomeOf(text, cuts), outcomeOf(text, []), JSON.stringify(text));
    checkAnswered(text);
  }
});
