import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

/** Prints what a unix datagram socket gets, since Node has none. */
const receiver = `
  use IO::Socket::UNIX; use Socket; $| = 1;
  my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Type => SOCK_DGRAM) or die $!;
  print "open\\n";
  while (defined $socket->recv(my $message, 4096)) { print $message =~ s/\\n/ /gr, "\\n"; }`;
const missing = ["perl", "systemd-notify"].filter((name) => spawnSync("which", [name]).status !== 0);
const skip = missing.length > 0 && `no ${missing.join(", ")}`;

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-systemd-"));
after(() => folder.remove());

const toml = (listener: string): string => `
  workers = 1
  [admin]
  bind = "127.0.0.1:0"
  [listeners.${listener}]
  bind = "127.0.0.1:0"
  pool = "echo"
  ${poolToml("echo", ["127.0.0.1:1"])}`;

test("systemd hears of start, reload, health and end, in this order", { skip }, async () => {
  const socket = join(folder.path, "notify");
  const systemd = endWithTest(spawn("perl", ["-e", receiver, socket]));
  let heard = "";
  systemd.stdout.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
  });
  const hears = (pattern: RegExp): Promise<string> =>
    becomes(
      () => heard,
      (text) => pattern.test(text),
      String(pattern),
    );
  await hears(/^open$/m);
  const file = join(folder.path, "umay.toml");
  writeFileSync(file, toml("first"));
  await using umay = await startUmay("", {
    args: ["run", "--config", file],
    env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" },
  });
  await hears(/^READY=1 STATUS=serving; listeners: 1, pools: 1, workers: 1/m);
  await hears(/^WATCHDOG=1/m);
  writeFileSync(file, toml("second"));
  umay.signal("SIGHUP");
  await hears(/^RELOADING=1 MONOTONIC_USEC=\d+[\s\S]*^READY=1/m);
  writeFileSync(file, "wrong");
  umay.signal("SIGHUP");
  await hears(/(^RELOADING=1[\s\S]*^READY=1[\s\S]*){2}/m);
  umay.signal("SIGTERM");
  await hears(/^STOPPING=1 STATUS=draining/m);
  assert.equal(await umay.exited, 0);
  systemd.kill();
});
