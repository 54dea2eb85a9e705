import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TlsOnce } from "../../src/channel/tls-once.ts";
import type { Difference, PlacedListener, PlacedPool } from "../../src/model/snapshot.ts";
import { testInput } from "../control/tell/metrics-input.ts";

const { web, echo } = testInput();
const listener = (tls: PlacedListener["tls"], maxConnections: number): PlacedListener => ({
  ...web,
  tls,
  maxConnections,
});
const difference = (listeners: readonly PlacedListener[], pools: readonly PlacedPool[] = []): Difference => ({
  version: 1,
  listeners,
  pools,
  routeTables: [],
  gone: { listeners: [], pools: [], routeTables: [] },
});

const another = { ...web.tls[0]!, name: "second" };

test("TLS settings go through the channel once while they are the same object, and come out as one object", () => {
  const [sender, receiver] = [new TlsOnce(), new TlsOnce()];
  const through = (given: Difference): { size: number; got: Difference } => {
    const sent = structuredClone(sender.pack(given));
    return { size: JSON.stringify(sent).length, got: receiver.unpack(sent) };
  };
  const first = through(difference([listener(web.tls, 1)], [echo]));
  const second = through(difference([listener(web.tls, 2)], [{ ...echo, slowStart: 9 }]));
  assert.equal(second.got.listeners[0]!.maxConnections, 2);
  assert.equal(second.got.listeners[0]!.tls[0], first.got.listeners[0]!.tls[0]);
  assert.equal(second.got.pools[0]!.tls, first.got.pools[0]!.tls);
  assert.ok(first.size - second.size > JSON.stringify([web.tls, echo.tls]).length / 2);
  const renewed = through(difference([listener([{ ...web.tls[0]!, strictSni: true }, another], 2)]));
  assert.equal(renewed.got.listeners[0]!.tls[0]?.strictSni, true);
  assert.equal(renewed.got.listeners[0]!.tls[1]?.name, "second");
});

test("so do the transports of a pool", () => {
  const [sender, receiver] = [new TlsOnce(), new TlsOnce()];
  const through = (pool: PlacedPool): PlacedPool =>
    receiver.unpack(structuredClone(sender.pack(difference([], [pool])))).pools[0]!;
  const transports = [{ labels: { a: "1" }, tls: echo.tls, proxyProtocol: undefined }];
  const first = through({ ...echo, transports });
  assert.deepEqual(first, { ...echo, transports });
  assert.equal(through({ ...echo, transports, slowStart: 9 }).transports, first.transports);
  assert.deepEqual(through(echo), echo);
  assert.deepEqual(through({ ...echo, transports }), { ...echo, transports });
});

test("whatever changes, comes, goes and comes back, what comes out is what was given", () => {
  const settings = [[], web.tls, [another, ...web.tls], [{ ...web.tls[0]!, strictSni: true }, another]];
  const step = fc.record({
    name: fc.constantFrom("a", "b"),
    setting: fc.nat({ max: settings.length - 1 }),
    gone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [sender, receiver] = [new TlsOnce(), new TlsOnce()];
      for (const { name, setting, gone } of steps) {
        const given = gone
          ? { ...difference([]), gone: { listeners: [name], pools: [], routeTables: [] } }
          : difference([{ ...listener(settings[setting]!, 1), name }]);
        assert.deepEqual(receiver.unpack(structuredClone(sender.pack(given))), given);
      }
    }),
  );
});
