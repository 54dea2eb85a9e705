import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Exporter, type ExporterOptions, type Part } from "../../src/otlp/exporter.ts";
import { failureOfStatus } from "../../src/otlp/failure.ts";
import { startHttpBackend } from "../support/http.ts";

/** A collector that is answered for by the test, and an exporter to it that tries again at once. */
async function begin(
  answer: (response: ServerResponse, nth: number) => void,
  options: Partial<ExporterOptions> = {},
) {
  const seen: unknown[] = [];
  const failures: (readonly [string, number])[] = [];
  const collector = await startHttpBackend(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    seen.push(JSON.parse(text).number);
    answer(response, seen.length);
  });
  const exporter = new Exporter(`http://${collector.address}/v1/traces`, {
    headers: {},
    mostWaiting: 20,
    waits: [0, 0],
    failed: ({ message }, lost) => void failures.push([message, lost]),
    ...options,
  });
  return { collector, exporter, seen, failures };
}

const part = (number: number, count = 1): Part => ({ body: { number }, count });

/** Resolves when the exporter has made its last part, and with it everything before was answered. */
function lastPart(...parts: readonly Part[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  function* made(): Generator<Part> {
    yield* parts;
    resolve();
  }
  return { parts: made(), sent: promise };
}

/** Answers with these statuses, one after the other, and the last one forever; with fields of its header. */
const answering =
  (statuses: readonly number[], fields: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse, nth: number): void => {
    response.writeHead(statuses[nth - 1] ?? statuses.at(-1)!, fields).end();
  };

test("a part that is refused for good is lost alone, and is not sent again", async () => {
  const { collector, exporter, seen, failures } = await begin((response, nth) => {
    response.statusCode = nth === 2 ? 400 : 200;
    response.end(nth === 2 ? '{"code":3,"message":"no such field"}' : "");
  });
  await using _ = collector;
  const made: number[] = [];
  function* parts(...numbers: number[]): Generator<Part> {
    for (const number of numbers) {
      made.push(number);
      yield part(number, number);
    }
  }
  exporter.send(parts(1, 2, 3), 6);
  exporter.send(parts(4), 4);
  assert.deepEqual(made, [1]);
  await exporter.end();
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.deepEqual(failures, [["the collector answered with status 400: no such field", 2]]);
});

test("a collector that has no time gets the same again, until it has", async () => {
  for (const status of [429, 502, 503, 504]) {
    const { collector, exporter, seen, failures } = await begin(answering([status, status, 200]));
    await using _ = collector;
    const { parts, sent } = lastPart(part(1), part(2));
    exporter.send(parts, 2);
    await sent;
    assert.deepEqual([seen, failures], [[1, 1, 1, 2], []], String(status));
  }
});

test("a connection that ends without an answer is tried again, too", async () => {
  const { collector, exporter, seen, failures } = await begin((response, nth) => {
    if (nth < 3) response.destroy();
    else response.end();
  });
  await using _ = collector;
  const { parts, sent } = lastPart(part(1));
  exporter.send(parts, 1);
  await sent;
  assert.deepEqual([seen, failures], [[1, 1, 1], []]);
});

test("a collector that never has time costs one part, and the rest of its report is not made", async () => {
  const { collector, exporter, seen, failures } = await begin(answering([503, 503, 503, 503, 503, 200]));
  await using _ = collector;
  const after = lastPart(part(4, 4));
  exporter.send([part(1, 7), part(2, 8)], 0);
  exporter.send(after.parts, 4);
  await after.sent;
  assert.deepEqual(seen, [1, 1, 1, 1, 1, 4]);
  assert.deepEqual(failures, [["the collector answered with status 503", 7]]);
});

test("a collector says when it wants the same again", async () => {
  const times: number[] = [];
  const { collector, exporter } = await begin((response, nth) => {
    times.push(performance.now());
    answering([429, 200], { "retry-after": "1" })(response, nth);
  });
  await using _ = collector;
  const { parts, sent } = lastPart(part(1));
  exporter.send(parts, 1);
  await sent;
  assert.ok(times[1]! - times[0]! >= 990, `${times}`);
});

test("the time of Retry-After is in seconds or a date, and anything else says nothing", () => {
  const again = (after: string | undefined): number | undefined => failureOfStatus(429, after).again;
  assert.equal(again("7"), 7_000);
  const date = again(new Date(Date.now() + 60_000).toUTCString())!;
  assert.ok(date > 30_000 && date <= 60_000, String(date));
  for (const nothing of [undefined, "", "-1", "soon", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT"])
    assert.equal(again(nothing), 0, nothing);
  assert.equal(failureOfStatus(400, "7").again, undefined);
});

test("the end of the process waits for no other try", async () => {
  const { collector, exporter, seen, failures } = await begin(answering([503], { "retry-after": "300" }));
  await using _ = collector;
  exporter.send([part(1)], 1);
  exporter.send([part(2, 2)], 2);
  while (seen.length === 0) await setImmediate();
  await exporter.end();
  assert.deepEqual(new Set(seen), new Set([1, 2]));
  assert.deepEqual(
    failures.map(([, lost]) => lost),
    [1, 2],
  );
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
  const { collector, exporter, seen, failures } = await begin((response, nth) =>
    response.end(answers[nth - 1]),
  );
  await using _ = collector;
  exporter.send(
    answers.map((_, number) => part(number, 5)),
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
  const { collector, exporter, seen, failures } = await begin(() => {}, { patience: 300, mostWaiting: 7 });
  await using _ = collector;
  for (let number = 1; number <= 4; number++) exporter.send([part(number, number)], number);
  assert.deepEqual(failures, [["the collector is too slow", 2]]);
  await exporter.end();
  assert.deepEqual(
    failures.slice(1).map(([, lost]) => lost),
    [1, 3, 4],
  );
  // All three would each have waited for an answer.
  assert.ok(seen.length <= 2, JSON.stringify(seen));
});

test("a report is sent at whatever moment it comes, also as the one before has just been answered", async () => {
  for (let ticks = 0; ticks < 20; ticks++) {
    const sent: number[] = [];
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    const exporter = new Exporter("http://127.0.0.1:1/v1/traces", {
      headers: {},
      mostWaiting: 20,
      failed: (error) => assert.fail(error),
      send: async (body) => {
        sent.push((body as { number: number }).number);
        await answered;
        return { count: 0, message: "" };
      },
    });
    exporter.send([part(1)], 1);
    resolve();
    for (let tick = 0; tick < ticks; tick++) await null;
    exporter.send([part(2)], 1);
    await exporter.end();
    assert.deepEqual(sent, [1, 2], `${ticks} ticks later`);
  }
});
