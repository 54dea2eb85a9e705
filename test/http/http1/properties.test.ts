import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../support/pickers.ts";
import {
  checkAnswered,
  checkForwarded,
  mutate,
  outcomeOf,
  readRequests,
  requestStreams,
  responseStreams,
} from "./round-trip.ts";

const cuts = fc.array(fc.nat(400), { maxLength: 6 });
const changed = (streams: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...streams), fc.nat()).map(([text, seed]) => mutate(text, seededRandom(seed)));

test("requests that are split at any two places are read as if they came whole", () => {
  for (const text of requestStreams) {
    const whole = readRequests(text, []);
    assert.equal(whole.detail, undefined);
    for (let first = 0; first < text.length; first++)
      assert.deepEqual(readRequests(text, [first, first + (first % 7)]), whole);
  }
});

test("responses too", () => {
  for (const text of responseStreams) {
    const whole = outcomeOf(text, []);
    assert.ok("responses" in whole);
    for (let first = 0; first < text.length; first++)
      assert.deepEqual(outcomeOf(text, [first, first + (first % 7)]), whole);
  }
});

test("broken requests are read, or refused for the same reason, however they are split", () => {
  fc.assert(
    fc.property(changed(requestStreams), cuts, (text, places) => {
      assert.deepEqual(readRequests(text, places), readRequests(text, []));
    }),
    { numRuns: 1_000 },
  );
});

test("broken responses too", () => {
  fc.assert(
    fc.property(changed(responseStreams), cuts, (text, places) => {
      assert.deepEqual(outcomeOf(text, places), outcomeOf(text, []));
    }),
    { numRuns: 1_000 },
  );
});

test("what goes to a backend is one sound request for each, whatever the client sent", () => {
  for (const text of requestStreams) checkForwarded(text);
  fc.assert(fc.property(changed(requestStreams), checkForwarded), { numRuns: 1_000 });
});

test("what goes to a client is one sound response, whatever the backend sent", () => {
  for (const text of responseStreams) checkAnswered(text);
  fc.assert(fc.property(changed(responseStreams), checkAnswered), { numRuns: 1_000 });
});
