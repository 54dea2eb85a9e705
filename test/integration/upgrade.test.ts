import assert from "node:assert/strict";
import { mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { BusyClients } from "../support/busy-clients.ts";
import { BusyScene } from "../support/busy-scene.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { runCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

/** The process is in the environment only where a shell puts it there. */
const asService = ["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"];

/** A `systemd-notify` that writes down what it is told. @param more lines of its script. */
function notifier(dir: string, more = ""): { env: NodeJS.ProcessEnv; heard(): readonly string[] } {
  const [bin, log] = [join(dir, "bin"), join(dir, "heard")];
  mkdirSync(bin);
  writeFileSync(log, "");
  writeFileSync(join(bin, "systemd-notify"), `#!/bin/sh\n${more}\necho "$@" >>'${log}'\n`, { mode: 0o755 });
  return {
    env: {
      PATH: `${bin}:${process.env["PATH"]}`,
      NOTIFY_SOCKET: "/run/systemd/notify",
      WATCHDOG_USEC: "200000",
    },
    heard: () => readFileSync(log, "utf8").split("\n"),
  };
}

test("umay upgrade, twice under load: nothing is refused, reset or lost, and systemd knows whom to watch", async () => {
  await using scene = await BusyScene.start();
  scene.write('workers = 2\nshutdown = { delay = "5s", timeout = "10m" }');
  const systemd = notifier(scene.folder);
  await using umay = await startUmay("", {
    args: scene.args,
    env: systemd.env,
    prefix: asService,
  });
  const staying = await connectPlain(umay.port("plain"));
  await echoed(staying);
  const clients = new BusyClients(umay, 1);
  await clients.goOn(5);
  const pids = [umay.pid];
  using left = new DisposableStack();
  left.defer(() => {
    // The last one alone: those before it end by themselves.
    if (pids.length > 1) process.kill(pids.at(-1)!, "SIGKILL");
  });
  for (let count = 0; count < 2; count++) {
    const { code, stdout, stderr } = await runCommand(["upgrade", "--config", scene.file]);
    assert.equal(code, 0, stderr);
    const [, pid, before] = /^process (\d+) serves, process (\d+) drains\n$/.exec(stdout) ?? [];
    assert.equal(Number(before), pids.at(-1));
    pids.push(Number(pid));
    // Its admin server opens behind that of the one before.
    await becomes(
      () => runCommand(["status", "--config", scene.file]),
      (status) => status.stdout.includes(`is ready: process ${pid},`),
      "the new process",
    );
    await clients.goOn(10);
  }
  await clients.stop();
  assert.deepEqual(clients.faults, []);
  await echoed(staying, "served by the first one still");
  await farewell(staying);
  const last = pids.at(-1)!;
  await becomes(
    systemd.heard,
    (lines) =>
      lines.slice(lines.indexOf(`MAINPID=${last}`)).filter((line) => line === "WATCHDOG=1").length > 5,
    "signs of life of the last one",
  );
  // Their common output is closed when the last one of them has ended.
  process.kill(last, "SIGTERM");
  assert.equal(await soon(umay.exited, "the end of all three", 20_000), 0);
  left.move();
  const told = systemd.heard().filter((line) => /^(MAINPID|STOPPING)/.test(line));
  assert.deepEqual(told, [`MAINPID=${pids[1]}`, `MAINPID=${last}`, "STOPPING=1 STATUS=draining"]);
});

test("where the new program can't serve, or systemd can't be told of it, the running one goes on, and umay upgrade says so", async () => {
  await using echo = await startEchoBackend();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const [admin] = await freePorts(1);
  const file = join(dir.path, "umay.toml");
  const toml = `
    workers = 1
    admin.bind = "127.0.0.1:${admin}"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [echo.address])}`;
  writeFileSync(file, toml);
  const { env } = notifier(dir.path, 'case "$1" in MAINPID*) exit 1;; esac');
  await using umay = await startUmay("", { args: ["run", "--config", file], env });
  const failing = async (expected: RegExp): Promise<void> => {
    const { code, stderr } = await runCommand(["upgrade", "--admin", `127.0.0.1:${admin}`]);
    assert.equal(code, 1);
    assert.match(stderr, expected);
    const client = await connectPlain(umay.port("plain"));
    await echoed(client);
    await farewell(client);
  };
  writeFileSync(file, "wrong");
  await failing(/^umay: the new umay, process \d+, ended with 78; it says why where the log goes\n$/);
  writeFileSync(file, toml);
  await failing(/^umay: the new umay, process \d+, ended with 1;/);
  await umay.logged(({ msg }) => msg.startsWith("another umay wanted to take over and did not"));
  assert.match(umay.stderr, /^umay: Command failed: systemd-notify MAINPID=\d+/m);
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
});

test("a configuration from standard input is not there for a second process", async () => {
  await using umay = await startUmay(`
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", ["127.0.0.1:1"])}`);
  const { code, stderr } = await runCommand(["upgrade", "--admin", umay.admin.slice("http://".length)]);
  assert.equal(code, 1);
  assert.equal(stderr, "umay: the configuration came from standard input, which can't be read again\n");
});
