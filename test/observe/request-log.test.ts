import assert from "node:assert/strict";
import { mock, test } from "node:test";
import fc from "fast-check";
import { requestReasons } from "../../src/model/reasons.ts";
import { type RequestRecord, requestLine } from "../../src/observe/request-log.ts";
import { lineOf } from "../../src/observe/worker-logger.ts";
import { anyText } from "../support/any-text.ts";

const text = fc.oneof(anyText, fc.string(), fc.constant(""));
const time = fc.oneof(
  fc.double({ min: 0, max: 1e9, noNaN: true }),
  fc.integer({ min: 0, max: 9_999 }),
  fc.integer({ min: 0, max: 10 ** 7 }).map((micros) => micros / 1_000),
);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const fields = maybe(fc.dictionary(text, text, { maxKeys: 3 }));

const records: fc.Arbitrary<RequestRecord> = fc.record({
  id: text,
  client: text,
  listener: text,
  protocol: fc.constantFrom("HTTP/1.1", "HTTP/2"),
  method: text,
  host: text,
  path: text,
  route: text,
  pool: text,
  backend: text,
  attempts: fc.array(
    fc.record({ backend: text, ms: time, error: maybe(text), status: maybe(count), retry: maybe(text) }),
    { maxLength: 3 },
  ),
  status: fc.integer({ min: 100, max: 999 }),
  grpcStatus: maybe(fc.integer({ min: -1, max: 999 })),
  received: count,
  sent: count,
  firstByte: maybe(time),
  duration: time,
  ended: fc.constant(1_800_000_000_000),
  reason: fc.constantFrom(...(Object.keys(requestReasons) as (keyof typeof requestReasons)[])),
  detail: maybe(text),
  trace: text,
  user: text,
  requestFields: fields,
  responseFields: fields,
  trailerFields: fields,
});

/** As most are: the only attempt was to the backend that answered. */
const usual = records.map((record) => ({
  ...record,
  attempts: [{ backend: record.backend, ms: record.duration, error: undefined }],
}));

const present = (value: string): string | undefined => value || undefined;
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;

/** The same line by `JSON.stringify`, key by key. */
function expected(record: RequestRecord): string {
  const { origin, text: message } = requestReasons[record.reason];
  const { attempts, firstByte } = record;
  return lineOf(
    "info",
    {
      id: present(record.id),
      trace: present(record.trace),
      client: present(record.client),
      user: present(record.user),
      listener: record.listener,
      protocol: record.protocol,
      method: present(record.method),
      host: present(record.host),
      path: present(record.path),
      route: present(record.route),
      pool: present(record.pool),
      backend: present(record.backend),
      attempts: attempts.length === 0 ? undefined : attempts.map((one) => ({ ...one, ms: rounded(one.ms) })),
      status: record.status,
      grpc_status: record.grpcStatus,
      received: record.received,
      sent: record.sent,
      first_byte_ms: firstByte === undefined ? undefined : rounded(firstByte),
      duration_ms: rounded(record.duration),
      request: record.requestFields,
      response: record.responseFields,
      trailer: record.trailerFields,
      reason: record.reason,
      detail: record.detail,
      origin,
    },
    message,
  );
}

test("a request's line is the one that JSON.stringify would make, to the byte", () => {
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  using _ = { [Symbol.dispose]: () => mock.timers.reset() };
  fc.assert(
    fc.property(fc.oneof(records, usual), (record) =>
      assert.equal(String(requestLine(record)), expected(record)),
    ),
  );
});

test("a request that had no answer is logged as one whose client has gone", () => {
  fc.assert(
    fc.property(records, (record) => {
      const { status } = JSON.parse(String(requestLine({ ...record, status: 0 })));
      assert.equal(status, 499);
    }),
    { numRuns: 10 },
  );
});
