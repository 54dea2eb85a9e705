import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type AdmissionFacts,
  type AdmittingListener,
  refusalAtAccept,
  refusalOf,
} from "../../../src/data/decide/admission.ts";
import type { AddressRefusal, RejectReason } from "../../../src/model/reasons.ts";
import { fakeListener } from "../../support/fake-plane.ts";

interface Setting {
  readonly proxied: boolean;
  readonly secures: boolean;
  readonly trusted: boolean;
  readonly address: AddressRefusal | undefined;
  readonly handshakes: number;
  readonly inListener: number;
  readonly inProcess: number;
}

/** A listener with room for two handshakes, three connections and, with its process, four; and nobody there. */
const quiet: Setting = {
  proxied: false,
  secures: true,
  trusted: true,
  address: undefined,
  handshakes: 0,
  inListener: 0,
  inProcess: 0,
};

function listenerOf({ proxied, secures }: Setting): AdmittingListener {
  const limits = { ...fakeListener.limits, maxHandshakes: 2 };
  const proxyProtocol = proxied ? { trust: [], timeout: 1 } : undefined;
  return { definition: { limits, maxConnections: 3, proxyProtocol }, secures };
}

/** Facts that note what was asked. */
function factsOf(setting: Setting, asked: string[] = []): AdmissionFacts {
  const note = <Value>(what: string, value: Value): Value => {
    asked.push(what);
    return value;
  };
  const { inListener, inProcess } = setting;
  return {
    trusted: () => note("trusted", setting.trusted),
    addressRefusal: () => note("address", setting.address),
    handshakes: () => note("handshakes", setting.handshakes),
    openConnections: () => note("open", { inListener, inProcess, mostInProcess: 4 }),
  };
}

describe("a connection is refused by the first of the questions that refuses it", () => {
  const rows: readonly (readonly [string, Partial<Setting>, RejectReason | undefined])[] = [
    ["nobody is there", {}, undefined],
    ["one less than may be", { handshakes: 1, inListener: 2, inProcess: 3 }, undefined],
    ["an untrusted proxy", { trusted: false, address: "denied", handshakes: 2 }, "proxy_untrusted"],
    ["a denied client", { address: "denied", handshakes: 2, inListener: 3 }, "denied"],
    ["too many handshakes", { handshakes: 2, inListener: 3 }, "handshakes"],
    ["handshakes where there are none", { secures: false, handshakes: 9 }, undefined],
    ["too many in the listener", { inListener: 3, inProcess: 4 }, "max_connections"],
    ["too many in the process", { inProcess: 4 }, "file_descriptors"],
  ];
  for (const [name, changes, reason] of rows)
    test(`${name}: ${reason ?? "admitted"}`, () => {
      const setting = { ...quiet, ...changes };
      assert.equal(refusalAtAccept(listenerOf(setting), factsOf(setting)), reason);
      assert.equal(refusalOf(listenerOf(setting), factsOf(setting)), reason);
    });
});

test("behind a proxy the client's address is asked for last, and not before the header has come", () => {
  const setting: Setting = { ...quiet, proxied: true, address: "max_connections_per_ip" };
  assert.equal(refusalAtAccept(listenerOf(setting), factsOf(setting)), undefined);
  assert.equal(refusalOf(listenerOf(setting), factsOf(setting)), "max_connections_per_ip");
  const full = { ...setting, inListener: 3 };
  assert.equal(refusalOf(listenerOf(full), factsOf(full)), "max_connections");
});

test("nothing is asked, and so nothing is counted, after the question that refuses", () => {
  const settings = fc.record({
    proxied: fc.boolean(),
    secures: fc.boolean(),
    trusted: fc.boolean(),
    address: fc.constantFrom(undefined, "denied" as const, "connection_rate_per_ip" as const),
    handshakes: fc.nat(3),
    inListener: fc.nat(4),
    inProcess: fc.nat(5),
  });
  fc.assert(
    fc.property(settings, (setting) => {
      const refuses: Record<string, boolean> = {
        trusted: !setting.trusted,
        address: setting.address !== undefined,
        handshakes: setting.secures && setting.handshakes >= 2,
        open: setting.inListener >= 3 || setting.inProcess >= 4,
      };
      const asked: string[] = [];
      const reason = refusalOf(listenerOf(setting), factsOf(setting, asked));
      const last = asked.at(-1)!;
      assert.equal(reason !== undefined, refuses[last]);
      for (const before of asked.slice(0, -1)) assert.equal(refuses[before], false, before);
    }),
  );
});
