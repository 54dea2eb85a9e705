import assert from "node:assert/strict";
import { test } from "node:test";
import { load, loadModel, problemLines, smallest } from "./loading.ts";

/** @param lines for the listener's table. */
const limited = (...lines: string[]): string =>
  smallest.replace("[listeners.echo]\n", `[listeners.echo]\n${lines.join("\n")}\n`);

test("lists of addresses become ranges in one spelling", async () => {
  const text = limited(
    'allow = ["10.0.0.0/8", "2001:DB8::/32"]',
    'deny = ["10.0.0.1", "::ffff:10.1.0.0/112"]',
  );
  const { model, problems } = await load(text);
  assert.deepEqual(problems, []);
  const { allow, deny } = model!.listeners[0]!.limits;
  assert.deepEqual(allow, [
    { family: "ipv4", address: "10.0.0.0", prefix: 8 },
    { family: "ipv6", address: "2001:db8::", prefix: 32 },
  ]);
  assert.deepEqual(deny, [
    { family: "ipv4", address: "10.0.0.1", prefix: 32 },
    { family: "ipv4", address: "10.1.0.0", prefix: 16 },
  ]);
});

test("bits behind a prefix are a warning that says what is served", async () => {
  const text = limited('deny = ["10.1.2.3/8"]');
  assert.deepEqual(await problemLines(text), [
    'warning umay.toml:2:9 listeners.echo.deny[0]: "10.1.2.3/8" has bits set behind its prefix and is taken for "10.0.0.0/8"; write that, or the address without a prefix',
  ]);
  assert.equal((await loadModel(text)).listeners[0]!.limits.deny[0]!.address, "10.0.0.0");
});

test("a burst is the rate of a second unless it is given, and never less than 1", async () => {
  const rateOf = async (...lines: string[]) =>
    (await loadModel(limited(...lines))).listeners[0]!.limits.connectionRatePerIp;
  assert.deepEqual(await rateOf('connection_rate_per_ip = "100/s"'), {
    connections: 100,
    period: 1000,
    burst: 100,
  });
  assert.deepEqual(await rateOf('connection_rate_per_ip = "150/m"'), {
    connections: 150,
    period: 60_000,
    burst: 2,
  });
  assert.deepEqual(await rateOf('connection_rate_per_ip = "10/h"'), {
    connections: 10,
    period: 3_600_000,
    burst: 1,
  });
  assert.deepEqual(await rateOf('connection_rate_per_ip = "10/m"', "connection_burst_per_ip = 7"), {
    connections: 10,
    period: 60_000,
    burst: 7,
  });
});

test("0 connections per address is no limit", async () => {
  const most = async (line: string) =>
    (await loadModel(limited(line))).listeners[0]!.limits.maxConnectionsPerIp;
  assert.equal(await most("max_connections_per_ip = 0"), undefined);
  assert.equal(await most("max_connections_per_ip = 3"), 3);
});

const rate = 'expected a rate of 1 to 100000, such as "100/s", "10/m" or "50/h"';
const mistakes: readonly [line: string, problem: string][] = [
  [
    "allow = []",
    "listeners.echo.allow: the list is empty, and nobody could connect; remove the key to let everyone",
  ],
  [
    'deny = ["10.0.0.0/33"]',
    'listeners.echo.deny[0]: "10.0.0.0/33" has a prefix longer than 32 bits; expected "10.0.0.0/8", "2001:db8::/32" or an address',
  ],
  [
    'deny = ["example.com"]',
    'listeners.echo.deny[0]: "example.com" is no IP address, with or without the length of a prefix; expected "10.0.0.0/8", "2001:db8::/32" or an address',
  ],
  [
    "max_connections_per_ip = -1",
    "listeners.echo.max_connections_per_ip: expected a whole number from 0 to 1000000, got -1",
  ],
  ['connection_rate_per_ip = "0/s"', `listeners.echo.connection_rate_per_ip: ${rate}, got "0/s"`],
  ['connection_rate_per_ip = "5/d"', `listeners.echo.connection_rate_per_ip: ${rate}, got "5/d"`],
  ["connection_rate_per_ip = 5", `listeners.echo.connection_rate_per_ip: ${rate}, got 5`],
  ["connection_burst_per_ip = 5", "listeners.echo.connection_burst_per_ip: needs connection_rate_per_ip"],
  ["max_handshakes = 0", "listeners.echo.max_handshakes: expected a whole number from 1 to 1000000, got 0"],
];

for (const [line, problem] of mistakes)
  test(`${line} is an error that says so`, async () => {
    const lines = await problemLines(limited(line));
    assert.equal(lines.length, 1, lines.join("\n"));
    const [, ...rest] = lines[0]!.replace("error ", "").split(" ");
    assert.equal(rest.join(" "), problem);
    assert.ok(lines[0]!.startsWith("error umay.toml:2:"), lines[0]);
  });
