import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAddressTable } from "../../../src/channel/address-table.ts";
import { listenerCell, rejectReasonList } from "../../../src/channel/counters.ts";
import { mostConnections, openConnections } from "../../../src/channel/memory.ts";
import { uncounted } from "../../../src/data/accept/addresses.ts";
import { admit, admitAddress, release } from "../../../src/data/accept/admission.ts";
import { explainAdmission } from "../../../src/data/explain/admission.ts";
import { ServedListener } from "../../../src/data/plane.ts";
import type { Cidr } from "../../../src/lib/cidr.ts";
import type { RejectReason } from "../../../src/model/reasons.ts";
import type { PlacedListener } from "../../../src/model/snapshot.ts";
import { FakePlane, fakeListener } from "../../support/fake-plane.ts";

const local: Cidr = { family: "ipv4", address: "127.0.0.0", prefix: 8 };

interface Setting {
  readonly proxied: boolean;
  readonly detect: boolean;
  readonly denies: boolean;
  readonly mostOfAddress: number | undefined;
  readonly most: number | undefined;
  readonly handshakes: number;
  readonly inListener: number;
  readonly inProcess: number;
}

function listenerOf({ proxied, detect, denies, mostOfAddress, most }: Setting): PlacedListener {
  return {
    ...fakeListener,
    detect,
    proxyProtocol: proxied ? { trust: [local], timeout: 1 } : undefined,
    maxConnections: most,
    limits: {
      ...fakeListener.limits,
      deny: denies ? [{ family: "ipv4", address: "192.0.2.0", prefix: 24 }] : [],
      maxConnectionsPerIp: mostOfAddress,
      maxHandshakes: 2,
    },
    addressTable: mostOfAddress === undefined ? undefined : createAddressTable(1, 1, 0),
  };
}

/** Admits a connection. @returns why not, or the place of its address. */
function connect(
  listener: ServedListener,
  plane: FakePlane,
  client: string,
  via: string,
): RejectReason | number {
  const { definition } = listener;
  const proxied = definition.proxyProtocol !== undefined;
  const rejected = definition.counters + listenerCell.rejected;
  const counts = (): number[] => [...plane.counters.subarray(rejected, rejected + rejectReasonList.length)];
  const before = counts();
  const place = admit(listener, plane, proxied ? via : client);
  const refusal = counts().findIndex((count, index) => count > before[index]!);
  assert.equal(place === undefined, refusal >= 0, "a refusal is counted, and nothing else is");
  if (place === undefined) return rejectReasonList[refusal]!;
  if (!proxied) return place;
  const placed = admitAddress(listener, plane, client);
  if (typeof placed === "string") release(listener, plane, uncounted);
  return placed;
}

const settings: fc.Arbitrary<Setting> = fc.record({
  proxied: fc.boolean(),
  detect: fc.boolean(),
  denies: fc.boolean(),
  mostOfAddress: fc.constantFrom(undefined, 1, 2),
  most: fc.constantFrom(undefined, 1, 2),
  handshakes: fc.nat(3),
  inListener: fc.nat(2),
  inProcess: fc.nat(3),
});

test("what is told of an admission is what becomes of the next connection, and a refused one leaves nothing behind", () => {
  const client = fc.constantFrom("192.0.2.1", "198.51.100.1");
  const via = fc.constantFrom("127.0.0.1", "203.0.113.1");
  fc.assert(
    fc.property(settings, client, via, fc.nat(2), (setting, address, proxy, earlier) => {
      const plane = new FakePlane();
      const { shared } = plane;
      plane.handshakes[0] = setting.handshakes;
      shared.listenerActive[0] = setting.inListener;
      shared.process[openConnections] = setting.inProcess;
      shared.process[mostConnections] = 3;
      const listener = new ServedListener(listenerOf(setting), { pools: new Map(), tables: new Map() }, 1);
      for (let count = 0; count < earlier; count++) connect(listener, plane, address, proxy);
      const cells = (): number[] => [
        shared.listenerActive[0]!,
        shared.process[openConnections]!,
        shared.workerOpen[0]!,
      ];
      const before = cells();
      const ask = () => explainAdmission(listener, plane, { client: address, via: proxy });
      const told = ask();
      assert.deepEqual(ask(), told, "telling counts nobody in");
      assert.deepEqual(cells(), before);
      const became = connect(listener, plane, address, proxy);
      assert.equal(told.reason, typeof became === "string" ? became : null);
      assert.equal(told.admitted, told.reason === null);
      const change = told.admitted ? 1 : 0;
      assert.deepEqual(
        cells(),
        before.map((count) => count + change),
      );
      if (told.admitted) return;
      assert.equal(ask().reason, told.reason, "it is refused again for the same reason");
    }),
  );
});
