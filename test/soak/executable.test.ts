import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Architecture, makeExecutable } from "../../tools/package/executable.ts";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectTo, listenersToml, poolToml, transports } from "../support/client.ts";
import { startCommand } from "../support/command.ts";
import { demoEnvironment } from "../support/demo-environment.ts";
import { echoed, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-executable-"));
after(() => folder.remove());
const executable = join(folder.path, "umay");
makeExecutable(arch() as Architecture, executable);

test("it runs without a Node on the PATH", () => {
  const options = { env: { PATH: "/nowhere" }, encoding: "utf8" } as const;
  assert.match(execFileSync(executable, ["version"], options), /^umay \d+\.\d+\.\d+ \(Node 26\./);
  assert.match(execFileSync(executable, ["schema"], options), /"\$schema"/);
});

test("its workers serve plain TCP and TLS, and its lazy parts answer", async () => {
  await using backend = await startEchoBackend();
  const toml = `workers = 2
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("echo", await testCertificates())}
    ${poolToml("echo", [backend.address])}`;
  await using umay = await startUmay(toml, { executable });
  for (const transport of transports) {
    const client = await connectTo(umay, transport);
    await echoed(client, transport);
    client.socket.destroy();
  }
  for (const path of ["", "status", "metrics", "config"])
    assert.equal((await fetch(`${umay.admin}/${path}`)).status, 200, path);
  assert.equal((await umay.status()).workers.length, 2);
  umay.signal("SIGTERM");
  assert.equal(await umay.exited, 0);
});

test("its workers find the engine for regular expressions", async () => {
  await using backend = await startEchoBackend();
  const toml = `workers = 1
    [admin]
    bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    [routes.numbers]
    path_regex = "/[0-9]+"
    pool = "echo"
    ${poolToml("echo", [backend.address])}`;
  await using umay = await startUmay(toml, { executable });
  assert.equal((await fetch(`http://127.0.0.1:${umay.port("web")}/words`)).status, 404);
});

test("another one takes over its sockets", async () => {
  await using backend = await startEchoBackend();
  const toml = (admin: string): string => `workers = 2
    shutdown.delay = "0s"
    ${admin}
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`;
  await using old = await startUmay(toml('admin.bind = "127.0.0.1:0"'), { executable });
  const staying = await connectTo(old, "plain");
  await echoed(staying);
  const args = ["run", "--config", "-", "--take-over", "--admin", old.admin.slice("http://".length)];
  await using next = await startUmay(toml(""), { executable, args });
  assert.equal(next.port("plain"), old.port("plain"));
  const client = await connectTo(next, "plain");
  await echoed(client);
  await farewell(client);
  await next.session();
  await echoed(staying);
  await farewell(staying);
  assert.equal(await old.exited, 0);
});

test("it runs the demo", async () => {
  using started = startCommand(["demo"], { program: [executable], env: await demoEnvironment() });
  const [, address] = await started.seen(/admin server on (http:\S+)/);
  assert.equal((await fetch(`${address}/readyz`)).status, 200);
  started.child.kill("SIGTERM");
  assert.equal((await started.finished).code, 0);
});
