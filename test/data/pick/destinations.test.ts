import assert from "node:assert/strict";
import { test } from "node:test";
import { DestinationPicker } from "../../../src/data/pick/destinations.ts";
import type { PickerInputs } from "../../../src/data/pick/picker.ts";
import type { DestinationRule } from "../../../src/model/pool.ts";
import { equalWeights, placedBackends, TestPool } from "../../support/pickers.ts";

function pickerOf(
  pool: TestPool,
  wanted: string[],
  { port, field, near, ...inputs }: Partial<PickerInputs> & Partial<DestinationRule> = {},
): DestinationPicker {
  const rule = {
    idle: 5_000,
    ...(port !== undefined && { port }),
    ...(field !== undefined && { field }),
    ...(near !== undefined && { near }),
  };
  return new DestinationPicker(rule, { ...pool.inputs, ...inputs }, (address, client) => {
    assert.equal(client, pool.key.clientAddress);
    wanted.push(address);
  });
}

test("each goes to its own destination and to no other; one that is not there is asked for, but not by everybody", () => {
  const pool = new TestPool(placedBackends(equalWeights(2)));
  const wanted: string[] = [];
  const picker = pickerOf(pool, wanted);
  const key = (destination: string | undefined) => ({ ...pool.key, destination });
  const pick = (destination: string | undefined): number | undefined =>
    picker.pick({ key: key(destination), mayPick: (each) => pool.mayPick(each) })?.slot;
  assert.deepEqual([pick("10.0.0.0:443"), pick("10.0.0.1:443")], [0, 1]);
  for (const nowhere of ["10.0.0.9:443", undefined, "not an address", "name.test:80"])
    assert.equal(pick(nowhere), undefined);
  assert.deepEqual([picker.comes(key("10.0.0.9:443")), picker.comes(key("10.0.0.9:443"))], [true, true]);
  assert.deepEqual(wanted, ["10.0.0.9:443"]);
  assert.equal(picker.comes(key("10.0.0.1:443")), false);
  for (const nowhere of [undefined, "", "unix:/run/x", "name.test:80", "10.0.0.1:0"])
    assert.equal(picker.comes(key(nowhere)), false);
  assert.deepEqual(wanted, ["10.0.0.9:443", "10.0.0.1:443"]);
  pool.refuse([pool.backends[0]!]);
  assert.equal(pick("10.0.0.0:443"), undefined);
});

test("one that is used is asked for again in time, also after others have come; a port may stand in place of its own", () => {
  const pool = new TestPool(placedBackends(equalWeights(1)));
  const wanted: string[] = [];
  const key = { ...pool.key, destination: "10.0.0.0:1" };
  const first = pickerOf(pool, wanted, { port: 443 });
  assert.equal(first.comes(key), false);
  const second = pickerOf(pool, wanted, { port: 443, previous: first });
  pool.clock.now = 2_000;
  second.comes(key);
  assert.deepEqual(wanted, ["10.0.0.0:443"]);
  pool.clock.now = 2_600;
  second.comes(key);
  assert.deepEqual(wanted, ["10.0.0.0:443", "10.0.0.0:443"]);
  assert.equal(second.pick({ key, mayPick: () => true })?.slot, 0);
});

test("no other spelling of an address leads to umay itself, and no field to this machine or to a server of metadata", () => {
  const pool = new TestPool(placedBackends(equalWeights(1)));
  const comes = (destination: string, field?: string, near?: true): boolean =>
    pickerOf(pool, [], { ...(field !== undefined && { field }), ...(near && { near }) }).comes({
      ...pool.key,
      destination,
    });
  // The system connects to a loopback address in their place.
  for (const own of ["0.0.0.0:9901", "0.0.0.1:9901", "[::]:9901", "[::ffff:0.0.0.0]:9901", "[::1%lo]:9901"])
    assert.equal(comes(own), false, own);
  assert.equal(comes("[::ffff:127.0.0.1%lo]:9901"), false);
  for (const near of [
    "127.0.0.1:80",
    "127.8.9.1:80",
    "[::1]:80",
    "[::ffff:127.0.0.1]:80",
    "169.254.169.254:80",
    "[::ffff:169.254.169.254]:80",
    "[fe80::1]:80",
    "[fd00:ec2::254]:80",
    "[fd20:ce::254]:80",
    "168.63.129.16:80",
    "100.100.100.200:80",
    "192.0.0.192:80",
  ]) {
    assert.equal(comes(near, "x-envoy-original-dst-host"), false, near);
    assert.equal(comes(near, "x-envoy-original-dst-host", true), true, near);
    assert.equal(comes(near), true, near);
  }
  assert.equal(comes("0.0.0.0:80", "x-envoy-original-dst-host", true), false);
  assert.equal(comes("10.0.0.9:80", "x-envoy-original-dst-host"), true);
});
