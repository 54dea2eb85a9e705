import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { runCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { soon } from "../support/peer.ts";
import { sessionOf } from "../support/settled.ts";
import { echoed, farewell, untilRefused } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

const toml = (admin: string, backend: string, settings = ""): string => `
  workers = 1
  ${settings}
  admin = { bind = "${admin}" }
  listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
  ${poolToml("echo", [backend])}`;

test("umay stop and umay drain --all drain the process as SIGTERM does, and a SIGTERM after it is the first one", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(
    toml("127.0.0.1:0", backend.address, `shutdown = { delay = "0s", timeout = "30s" }`),
  );
  const client = await connectPlain(umay.port("plain"));
  await echoed(client);
  const admin = umay.admin.slice("http://".length);
  for (const words of [["stop"], ["drain", "--all"]]) {
    const { code, stdout, stderr } = await runCommand([...words, "--admin", admin]);
    assert.match(stdout, /^umay is draining: 1 connection open, reset in \d+ s at the latest\n$/);
    assert.deepEqual([code, stderr], [0, ""]);
  }
  umay.signal("SIGTERM");
  await untilRefused(umay.port("plain"));
  await umay.logged(({ msg, signal }) => msg === "draining" && signal === "SIGTERM");
  assert.equal(umay.log.filter(({ msg, by }) => msg === "draining" && by === "the admin server").length, 1);
  assert.equal((await umay.status()).state, "draining");
  await echoed(client, "still served");
  await farewell(client);
  assert.equal(await soon(umay.exited, "the end of umay", 5_000), 0);
  assert.equal((await sessionOf(umay, client))["reason"], "client_closed");
});

test("the admin server is found by the configuration, with its overrides, relative paths and ports", async () => {
  await using backend = await startEchoBackend();
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const file = join(dir.path, "umay.toml");
  const [port] = await freePorts(1);
  for (const bind of ["unix:admin.sock", `0.0.0.0:${port}`, `\${UMAY_TEST_BIND}`]) {
    // Other parts of the configuration are not for this command to judge, and their files not to be read.
    const text = toml(bind, backend.address);
    writeFileSync(file, `${text}\n[pools.other]\npikcer = "\${file:/nowhere}"\n`);
    const own = { UMAY_TEST_BIND: "unix:other.sock" };
    await using umay = await startUmay(text, { cwd: dir.path, env: own });
    const { code, stdout, stderr } = await runCommand(["status", "--config", file], { env: own });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      new RegExp(`is ready: process ${umay.pid}, .*\n\nLISTENER .*\nplain .*\n\nPOOL .*\necho `),
    );
    const found = await runCommand(["status", "--json"], { cwd: dir.path, env: own });
    assert.equal((JSON.parse(found.stdout) as { pid: number }).pid, umay.pid);
    const missed = await runCommand(["status"], {
      cwd: dir.path,
      env: { ...own, UMAY__ADMIN__BIND: "unix:missing.sock" },
    });
    assert.deepEqual([missed.code, missed.stdout], [1, ""]);
    assert.match(
      missed.stderr,
      /^umay: no answer from unix:.*\/missing\.sock: connect ENOENT.*; no umay listens there/,
    );
  }
});

test("what cannot be done says so, with the exit code of its kind", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml("127.0.0.1:0", backend.address));
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const admin = umay.admin.slice("http://".length);
  const [free] = await freePorts(1);
  const config = (text: string): string => {
    const file = join(dir.path, `${text.length}.toml`);
    writeFileSync(file, text);
    return file;
  };
  const one = ["--pool", "echo", "--backend", backend.address];
  const cases: [args: readonly string[], code: number, says: RegExp][] = [
    [
      ["drain", "--admin", admin, "--pool", "ecko", "--backend", "x"],
      1,
      /^umay: no pool is named ecko; .*did you mean "echo"\?\n$/,
    ],
    [
      ["undrain", "--admin", admin, "--pool", "echo", "--backend", "127.0.0.1:1"],
      1,
      /has no backend 127\.0\.0\.1:1; it has /,
    ],
    [
      ["drain", "--admin", admin, ...one, "--deadline", "25d"],
      1,
      /deadline: expected a duration from "0s" to "24d"/,
    ],
    [["drain", "--admin", admin, ...one], 1, /^umay: .* is the last healthy backend of pool echo: /],
    [
      ["stop", "--admin", `127.0.0.1:${free}`],
      1,
      /no answer from 127\.0\.0\.1:\d+: connect ECONNREFUSED.*; no umay listens there/,
    ],
    [["drain", "--pool", "echo"], 2, /--pool and --backend go together/],
    [["drain", "--backend", "x"], 2, /--pool and --backend go together/],
    [["drain", "--deadline", "3s"], 2, /--pool and --backend go together; for the whole process see --all/],
    [["drain", ...one, "--deadline", "soon"], 2, /Give a duration, such as 30s or 5m/],
    [["undrain", "--pool", "echo"], 2, /required option '--backend <address>'/],
    [["status", "--admin", "9901"], 2, /It has no port/],
    [["status", "--config", join(dir.path, "none")], 78, /does not exist; check the path[\s\S]*--admin/],
    [["status", "--config", config("")], 78, /has no admin\.bind/],
    [["status", "--config", config('admin.bind = "127.0.0.1:0"')], 78, /admin\.bind has port 0/],
    [["status", "--config", config('admin.bind = "localhost"')], 78, /admin\.bind is no address/],
    [["status", "--config", config("admin.bind = 9901")], 78, /admin\.bind is no address/],
    [["status", "--config", config("admin = [")], 78, /not valid TOML/],
  ];
  for (const [args, code, says] of cases) {
    const answer = await runCommand(args, { cwd: dir.path });
    assert.match(answer.stderr, says, args.join(" "));
    assert.deepEqual([answer.code, answer.stdout], [code, ""], args.join(" "));
  }
  assert.equal((await umay.status()).state, "ready");
  assert.equal((await umay.status()).pools["echo"]!.backends[0]!.state, "up");
});

test("with --json, drain and undrain print the answer as it came", async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(toml("127.0.0.1:0", backend.address));
  const args = [
    "--admin",
    umay.admin.slice("http://".length),
    "--pool",
    "echo",
    "--backend",
    backend.address,
    "--json",
  ];
  const drained = await runCommand(["drain", "--force", "--deadline", "1h", ...args]);
  const { warnings, deadline_seconds, ...answer } = JSON.parse(drained.stdout);
  assert.deepEqual(answer, { pool: "echo", backend: backend.address, state: "draining", connections: 0 });
  assert.ok(deadline_seconds > 3_590 && deadline_seconds <= 3_600);
  assert.equal(warnings.length, 1);
  const undrained = JSON.parse((await runCommand(["undrain", ...args])).stdout);
  assert.deepEqual([undrained.state, undrained.deadline_seconds], ["up", null]);
});
