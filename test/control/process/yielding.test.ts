import assert from "node:assert/strict";
import { mkdirSync, mkdtempDisposableSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Yielding } from "../../../src/control/process/yielding.ts";
import { soon } from "../../support/peer.ts";
import { becomes } from "../../support/settled.ts";

test("a door that can't be opened keeps nobody from asking again", async (t) => {
  const before = process.env["TMPDIR"];
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const failed = Promise.withResolvers<void>();
  const plane = {
    state: "ready",
    store: { snapshot: { listeners: [] } },
    supervisor: { inquiries: { sockets: () => Promise.reject(new Error("no sockets")) } },
  };
  const logger = { info: () => {}, warn: () => failed.resolve() };
  const yielding = new Yielding(plane as never, logger as never, () => {});

  process.env["TMPDIR"] = join(dir.path, "missing");
  await assert.rejects(yielding.offer("127.0.0.1:9901"), /ENOENT/);
  // The path of a unix socket is bounded.
  const deep = join(dir.path, "d".repeat(200));
  mkdirSync(deep);
  process.env["TMPDIR"] = deep;
  await assert.rejects(yielding.offer("127.0.0.1:9901"));
  await becomes(
    () => readdirSync(deep).length,
    (count) => count === 0,
    "no folder",
  );

  process.env["TMPDIR"] = dir.path;
  const { status, body } = await yielding.offer("127.0.0.1:9901");
  assert.equal(status, 200);
  assert.equal((await yielding.offer("127.0.0.1:9901")).status, 409);
  const taker = connect((body as { door: string }).door).resume();
  const ended = new Promise((resolve) => taker.once("close", resolve));
  await soon(failed.promise, "a failed take-over");
  await soon(ended, "the end of whoever asked");
  await becomes(
    () => readdirSync(dir.path),
    (left) => left.length === 1,
    "no folder",
  );
});
