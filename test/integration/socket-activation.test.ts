import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, runUmay, startUmay } from "../support/umay.ts";

/** As systemd does: opens a socket, starts the program with it, and, a second after it has ended, again. */
const supervisor = `
  use IO::Socket::INET; use POSIX;
  my $port = shift;
  $^F = 9;
  my $socket = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 64) or die $!;
  POSIX::dup2(fileno($socket), 3);
  my $status;
  for my $round (1, 2) {
    my $child = fork;
    if ($child == 0) {
      @ENV{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} = ($$, 1, "web");
      exec @ARGV or die $!;
    }
    waitpid $child, 0;
    $status = $? >> 8;
    last if $status;
    sleep 1 if $round == 1;
  }
  exit $status;`;
const skip = spawnSync("which", ["perl"]).status === 0 ? false : "no perl";

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-activation-"));
after(() => folder.remove());

const toml = (port: number, backend: string): string => `
  workers = 2
  [admin]
  bind = "127.0.0.1:0"
  [listeners.web]
  bind = "127.0.0.1:${port}"
  pool = "echo"
  ${poolToml("echo", [backend])}`;
const prefix = (port: number): string[] => ["perl", "-e", supervisor, String(port)];

/** The process that has started for the nth time. */
async function started(umay: RunningUmay, nth: number): Promise<number> {
  const starts = (): number[] =>
    umay.log.filter(({ msg }) => msg === "umay is starting").map(({ pid }) => pid as number);
  return (await becomes(starts, (pids) => pids.length >= nth, "starts"))[nth - 1]!;
}

test("a restart refuses nobody when the socket is systemd's", { skip }, async () => {
  await using backend = await startEchoBackend();
  const [port = 0] = await freePorts(1);
  // Both processes read it.
  const config = join(folder.path, "umay.toml");
  writeFileSync(config, toml(port, backend.address));
  const args = ["run", "--config", config];
  await using umay = await startUmay("", { prefix: prefix(port), args });
  const before = await connectPlain(port);
  await echoed(before, "before");
  before.socket.destroy();
  process.kill(await started(umay, 1), "SIGTERM");
  await umay.logged(({ msg }) => String(msg).startsWith("drained"));
  // Nobody is there; the socket takes it, and it waits.
  const between = await connectPlain(port);
  await soon(echoed(between, "between"), "the answer of the second process");
  between.socket.destroy();
  process.kill(await started(umay, 2), "SIGTERM");
  assert.equal(await umay.exited, 0);
});

test("a socket on another address than the listener's is refused", { skip }, async () => {
  const [port = 0, other = 0] = await freePorts(2);
  const { code, stderr } = await runUmay(toml(other, "127.0.0.1:1"), { prefix: prefix(port) });
  assert.match(
    stderr,
    new RegExp(`listener web cannot listen on 127.0.0.1:${other}: .* on 127.0.0.1:${port}`),
  );
  assert.equal(code, 1);
});
