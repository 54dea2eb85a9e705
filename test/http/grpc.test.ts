import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  grpcStatusOf,
  grpcTimeoutOf,
  isGrpc,
  readGrpcTimeout,
  writeGrpcTimeout,
} from "../../src/http/grpc.ts";
import { readFields } from "../../src/http/scan.ts";

test("a timeout has up to eight digits and a unit", () => {
  const times = {
    "1H": 3_600_000,
    "2M": 120_000,
    "3S": 3_000,
    "40m": 40,
    "5000u": 5,
    "1000000n": 1,
    "0m": 0,
  };
  for (const [text, time] of Object.entries(times)) assert.equal(readGrpcTimeout(text), time, text);
  assert.equal(readGrpcTimeout("99999999S"), 99_999_999_000);
  for (const text of ["", "m", "5", "5s", "-1m", "1.5S", " 1S", "1 S", "123456789m", "1mm", "०m"])
    assert.equal(readGrpcTimeout(text), undefined, JSON.stringify(text));
});

test("a timeout that is written is read as the same, rounded up", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 5.9e12, noNaN: true }), (time) => {
      const read = readGrpcTimeout(writeGrpcTimeout(time))!;
      assert.ok(read >= time && read <= time + (time < 1e8 ? 1 : 60_000), `${time} became ${read}`);
    }),
  );
  assert.equal(writeGrpcTimeout(-5), "0m");
});

test("a request is a call by its Content-Type", () => {
  const fieldsOf = (lines: string) => readFields(lines);
  assert.equal(isGrpc(fieldsOf("content-type: application/grpc\r\n")), true);
  assert.equal(isGrpc(fieldsOf("content-type: Application/GRPC+proto\r\n")), true);
  assert.equal(isGrpc(fieldsOf("content-type: application/json\r\n")), false);
  assert.equal(isGrpc(fieldsOf("")), false);
  assert.equal(grpcTimeoutOf(fieldsOf("grpc-timeout: 100m\r\n")), 100);
  assert.equal(grpcTimeoutOf(fieldsOf("")), undefined);
});

test("a status that is no number is told apart from one that is missing", () => {
  const statusOf = (text: string) => grpcStatusOf(readFields(`grpc-status: ${text}\r\n`));
  for (const [text, status] of [
    ["0", 0],
    ["+3", 3],
    ["03", 3],
    ["1000", 1_000],
    ["-1", -1],
    ["abc", -1],
    ["1.5", -1],
    ["3 3", -1],
    ["99999999999999999999", -1],
    ["", undefined],
  ] as const)
    assert.equal(statusOf(text), status, text);
  assert.equal(grpcStatusOf(readFields("")), undefined);
});
