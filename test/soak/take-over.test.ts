import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BusyClients } from "../support/busy-clients.ts";
import { BusyScene } from "../support/busy-scene.ts";
import { Child } from "../support/child.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { soon } from "../support/peer.ts";
import { startUmay } from "../support/umay.ts";

const missing = ["wrk", "openssl"].filter((name) => spawnSync("which", [name]).status !== 0);
const skip = missing.length > 0 && `no ${missing.join(", ")}`;
const seconds = 30;
const takeOvers = 8;

test(`${takeOvers} take-overs in a row: wrk, openssl s_time and clients of every kind see no error`, {
  skip,
}, async (t) => {
  await using scene = await BusyScene.start();
  scene.write('workers = 2\nlog.sessions = false\nshutdown = { delay = "0s", timeout = "60s" }');
  const { args } = scene;
  await using umays = new AsyncDisposableStack();
  let last = umays.use(await startUmay("", { args }));
  const clients = new BusyClients(last, 8);
  await using wrk = new Child("wrk-child.ts", [`http://127.0.0.1:${last.port("web")}/`, seconds]);
  const handshakes = endWithTest(
    spawn("openssl", [
      "s_time",
      "-connect",
      `127.0.0.1:${last.port("secure")}`,
      "-new",
      "-time",
      `${seconds}`,
    ]),
  );
  let said = "";
  for (const output of [handshakes.stdout, handshakes.stderr])
    output.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const ended = once(handshakes, "close");
  for (let count = 0; count < takeOvers; count++) {
    await clients.goOn(50);
    await sleep(1_000);
    const next = umays.use(await startUmay("", { args: [...args, "--take-over"] }));
    await last.logged(({ msg }) => msg === "another umay has taken over");
    last = next;
  }
  const report = JSON.parse(await wrk.line(120_000)) as {
    readonly requests: number;
    readonly errors: string;
  };
  const [code] = (await soon(ended, "the end of openssl", 60_000)) as [number];
  await clients.stop();
  t.diagnostic(JSON.stringify({ ...clients.served, wrk: report.requests, left: clients.left }));
  assert.deepEqual(clients.faults, []);
  assert.equal(report.errors, "");
  assert.equal(code, 0, said);
  const [, connections] = /(\d+) connections in \d+ real seconds/.exec(said) ?? [];
  assert.ok(Number(connections) > 100, said);
});
