import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { relayTarget } from "../../../src/model/chain.ts";
import { logLevels } from "../../../src/model/model.ts";
import { pickerTypes } from "../../../src/model/pool.ts";
import { formatEffective, readEffective } from "../../../src/providers/toml/effective.ts";
import { load, loadModel, smallest } from "./loading.ts";

const name = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,12}$/)
  .filter((text) => text !== "constructor" && text !== "__proto__");
const host = fc.oneof(fc.ipV4(), fc.domain());
const seconds = fc.integer({ min: 1, max: 2_073_600 }).map((value) => `${value}s`);
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const picker = fc.oneof(
  fc.constantFrom(...Object.keys(pickerTypes)),
  fc.record(
    {
      type: fc.constant("consistent-hash"),
      key: fc.constant("source-ip"),
      algorithm: fc.constantFrom("maglev", "ring"),
      bounded_load: fc.double({ min: 1.1, max: 100, noNaN: true }),
    },
    { requiredKeys: ["type"] },
  ),
);
const backends = fc
  .uniqueArray(host, { minLength: 1, maxLength: 5, selector: (text) => text.toLowerCase() })
  .chain((hosts) =>
    fc.tuple(
      ...hosts.map((its) =>
        fc.record({
          address: fc.constant(`${its}:80`),
          weight: fc.integer({ min: 1, max: 256 }),
          backup: fc.boolean(),
        }),
      ),
    ),
  );
const discovery = fc.oneof(
  fc.record({ type: fc.constant("static"), backends }),
  fc.record({
    type: fc.constant("dns"),
    name: fc.domain(),
    port: fc.integer({ min: 1, max: 65_535 }),
    record: fc.constantFrom("a", "aaaa", "a+aaaa"),
    hold: seconds,
  }),
);
const pool = fc.record(
  {
    picker,
    connect: fc.record({ timeout: seconds, attempts: fc.integer({ min: 1, max: 16 }) }, { requiredKeys: [] }),
    discovery,
  },
  { requiredKeys: ["discovery"] },
);

/** Settings as a user may write them, without certificates. */
const settings = fc
  .record({
    workers: optional(fc.oneof(fc.constant("auto" as const), fc.integer({ min: 1, max: 1_024 }))),
    log: optional(
      fc.record({ level: fc.constantFrom(...logLevels), sessions: fc.boolean() }, { requiredKeys: [] }),
    ),
    shutdown: optional(fc.record({ delay: seconds, timeout: seconds }, { requiredKeys: [] })),
    pools: fc.dictionary(name, pool, { minKeys: 1, maxKeys: 4 }),
    names: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    timeouts: optional(
      fc.record(
        { handshake: seconds, idle: seconds, half_close: seconds, stall: seconds },
        { requiredKeys: [] },
      ),
    ),
    choice: fc.nat(),
  })
  .map(({ names, timeouts, choice, ...rest }) => {
    const pools = Object.keys(rest.pools);
    const listeners = names.map((its, index) => {
      const target = pools[(choice + index) % pools.length]!;
      return [its, { bind: `127.0.0.1:${1_000 + index}`, pool: target, timeouts }] as const;
    });
    return { ...rest, listeners: Object.fromEntries(listeners) };
  });

const milliseconds = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : Number(text.slice(0, -1)) * 1_000;

test("valid settings come through TOML into the model as they were", async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (written) => {
      const model = await loadModel(stringify(written));
      if (typeof written.workers === "number") assert.equal(model.workers, written.workers);
      assert.equal(model.log.level, written.log?.level ?? "info");
      assert.equal(model.log.sessions, written.log?.sessions ?? true);
      assert.equal(model.shutdown.timeout, milliseconds(written.shutdown?.timeout, 30_000));
      assert.deepEqual(
        model.listeners.map(({ name: its, chains: [chain] }) => [
          its,
          chain && relayTarget(chain.serve),
          chain?.timeouts.idle,
        ]),
        Object.entries(written.listeners).map(([its, { pool: target, timeouts }]) => [
          its,
          [{ pool: target, weight: 1 }],
          milliseconds(timeouts?.idle, 3_600_000),
        ]),
      );
      assert.deepEqual(
        model.pools.map((its) => [its.name, its.picker.type, its.connect.attempts]),
        Object.entries(written.pools).map(([its, { picker: chosen = "power-of-two", connect }]) => [
          its,
          typeof chosen === "string" ? chosen : chosen.type,
          connect?.attempts ?? 3,
        ]),
      );
      for (const { name: its, discovery: found } of model.pools) {
        const wanted = written.pools[its]!.discovery;
        assert.equal(found.type, wanted.type);
        if (found.type === "static" && "backends" in wanted)
          assert.deepEqual(
            found.backends.map(({ address, weight, tier }) => ({ address, weight, backup: tier === 1 })),
            wanted.backends.map((backend) => ({ ...backend })),
          );
        if (found.type === "dns" && "hold" in wanted)
          assert.deepEqual(
            [found.name, found.port, found.record, found.hold],
            [wanted.name, wanted.port, wanted.record, milliseconds(wanted.hold, 0)],
          );
      }
    }),
  );
});

test("settings mean the same with all that counts for them written out", async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (written) => {
      const text = stringify(written);
      const all = formatEffective(await readEffective({ text, name: "umay.toml", env: {} }));
      assert.deepEqual(await loadModel(all), await loadModel(text));
    }),
  );
});

const good = `workers = "auto"
${smallest}
[log]
level = "info"
[admin]
bind = "127.0.0.1:9901"
[pools.echo]
picker = { type = "consistent-hash", key = "sni", bounded_load = 1.5 }
connect = { timeout = "5s", attempts = 3 }
[[listeners.echo.tls.certificates]]
cert = "cert.pem"
key = "cert.key"
`;

/** A problem that a person can find: in the file at a line and column, or about the file as a whole. */
function assertPlaced(where: string, text: string): void {
  const [, line, column] = /^umay\.toml(?::(\d+):(\d+))?$/.exec(where) ?? assert.fail(where);
  if (line === undefined) return;
  const lines = text.split("\n");
  assert.ok(Number(line) <= lines.length, where);
  assert.ok(Number(column) <= lines[Number(line) - 1]!.length + 1, where);
}

async function assertModelOrProblems(text: string): Promise<void> {
  const { model, problems } = await load(text);
  if (model === undefined) assert.ok(problems.some(({ severity }) => severity === "error"));
  for (const { where, message } of problems) {
    assertPlaced(where, text);
    assert.doesNotMatch(message, /Invalid input|undefined|\[object/);
  }
}

test("a good file with characters cut out, put in or changed gives a model or problems with a place", async () => {
  const edit = fc.record({
    at: fc.nat(good.length),
    remove: fc.nat(8),
    insert: fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom("\n", "[", "]]", '"', "{", "= 1\n", "# ", "${", "\r"),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) =>
      assertModelOrProblems(
        edits.reduce(
          (text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove),
          good,
        ),
      ),
    ),
    { numRuns: 200 },
  );
});

test("a good file with lines lost, doubled or swapped gives a model or problems with a place", async () => {
  const lines = good.split("\n");
  const order = fc.array(fc.nat(lines.length - 1), { maxLength: lines.length + 3 });
  await fc.assert(
    fc.asyncProperty(order, (indexes) =>
      assertModelOrProblems(indexes.map((index) => lines[index]).join("\n")),
    ),
    { numRuns: 120 },
  );
});

test("a good file with other values gives a model or problems with a place", async () => {
  const value = fc.oneof(
    fc.constantFrom(
      "0",
      "-1",
      "1.5",
      "inf",
      "nan",
      "true",
      "[]",
      "{}",
      '""',
      "2026-11-22",
      "[{ a = [{}] }]",
      "9e99",
    ),
    fc.string().map((text) => JSON.stringify(text)),
  );
  const assignments = [...good.matchAll(/^\w+ = (.*)$/gm)];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...assignments), value, ([line], other) =>
      assertModelOrProblems(
        good.replace(
          line,
          line.replace(/= .*/, () => `= ${other}`),
        ),
      ),
    ),
    { numRuns: 120 },
  );
});
