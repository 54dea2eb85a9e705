import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { Exporter } from "../../src/otlp/exporter.ts";
import { startHttpBackend } from "../support/http.ts";

/** A collector that is answered for by the test, and an exporter to it. */
async function begin(answer: (response: ServerResponse) => void, patience?: number) {
  const seen: unknown[] = [];
  const failures: (readonly [string, number])[] = [];
  const collector = await startHttpBackend(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    seen.push(JSON.parse(text));
    answer(response);
  });
  const exporter = new Exporter(`http://${collector.address}/v1/traces`, {
    headers: {},
    mostWaiting: 2,
    failed: ({ message }, lost) => void failures.push([message, lost]),
    ...(patience !== undefined && { patience }),
  });
  return { collector, exporter, seen, failures };
}

test("the requests of a report are made one after the other, and one that fails ends its report", async () => {
  let answers = 0;
  const { collector, exporter, seen, failures } = await begin((response) => {
    response.statusCode = ++answers === 2 ? 503 : 200;
    response.end();
  });
  await using _ = collector;
  const made: number[] = [];
  function* bodies(...numbers: number[]): Generator<object> {
    for (const number of numbers) {
      made.push(number);
      yield { number };
    }
  }
  exporter.send(bodies(1, 2, 3), 5);
  exporter.send(bodies(4), 1);
  assert.deepEqual(made, [1]);
  await exporter.end();
  assert.deepEqual(seen, [{ number: 1 }, { number: 2 }, { number: 4 }]);
  assert.deepEqual(failures, [["the collector answered with status 503", 5]]);
});

test("a collector that takes a part says how much it refused, and why", async () => {
  const answers = [
    '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}',
    '{"partialSuccess":{"rejectedDataPoints":3}}',
    '{"partialSuccess":{"errorMessage":"slow down"}}',
    '{"partialSuccess":{}}',
    '{"partialSuccess":null}',
    "null",
    "<html>",
    "",
  ];
  const { collector, exporter, seen, failures } = await begin((response) =>
    response.end(answers[seen.length - 1]),
  );
  await using _ = collector;
  exporter.send(
    answers.map((_, index) => ({ index })),
    1,
  );
  await exporter.end();
  assert.equal(seen.length, answers.length);
  assert.deepEqual(failures, [
    ["the collector refused some: too old", 2],
    ["the collector refused some: ", 3],
    ["the collector refused some: slow down", 0],
  ]);
});

test("a collector that does not answer costs the oldest reports, and no more time at the end than one answer may take", async () => {
  const { collector, exporter, seen, failures } = await begin(() => {}, 300);
  await using _ = collector;
  for (let number = 1; number <= 4; number++) exporter.send([{ number }], number);
  assert.deepEqual(failures, [["the collector is too slow", 2]]);
  await exporter.end();
  assert.deepEqual(
    failures.slice(1).map(([, lost]) => lost),
    [1, 3, 4],
  );
  // All three would each have waited for an answer.
  assert.ok(seen.length <= 2, JSON.stringify(seen));
});
