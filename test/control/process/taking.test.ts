import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import type { FromTaker, TakeOverOffer } from "../../../src/control/process/take-over.ts";
import { Taking } from "../../../src/control/process/taking.ts";

/** The channel to another umay, which answers nothing by itself. */
class FakeHelper extends EventEmitter {
  readonly sent: FromTaker[] = [];
  connected = true;

  send(message: FromTaker): boolean {
    this.sent.push(message);
    return true;
  }

  disconnect(): void {
    this.connected = false;
  }
}

const offer: TakeOverOffer = {
  protocol: 2,
  pid: 7,
  version: "1.2.3",
  door: "/nowhere",
  admin: "unix:/run/admin.sock",
  listeners: [],
};

test("once the other one has closed what it had, the channel to it is given up", async () => {
  const helper = new FakeHelper();
  const finished = new Taking(offer, helper as never).finish();
  assert.deepEqual(helper.sent, [{ type: "serving", pid: process.pid }]);
  helper.emit("message", { type: "closed" });
  await finished;
  assert.equal(helper.connected, false);
});

test("the channel to another one that does not answer any more is given up, too", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const helper = new FakeHelper();
  const finished = new Taking(offer, helper as never).finish();
  t.mock.timers.tick(30_000);
  await assert.rejects(finished, /cannot take over from umay 1\.2\.3, process 7: nothing came within 30 s/);
  assert.equal(helper.connected, false);
});
