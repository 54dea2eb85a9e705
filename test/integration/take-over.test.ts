import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AdsServer, adsBootstrap } from "../support/ads-server.ts";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { type Finished, runCommand, startCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { spawnUmay, startUmay } from "../support/umay.ts";

/** One connection, one echo, one orderly end. @returns how it went wrong; undefined: it did not. */
function visit(port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let text = "";
  const socket = connect({ port, host: "127.0.0.1" }, () => socket.end("hello"));
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  socket.on("close", () => resolve(text === "hello" ? undefined : `got "${text}"`));
  return promise;
}

test("umay run --take-over takes the sockets of a running umay under load: no connection is refused, reset or lost", async () => {
  await using echo = await startEchoBackend();
  await using app = await startHttpBackend(tellRequest("app"));
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const [admin] = await freePorts(1);
  const file = join(dir.path, "umay.toml");
  const toml = (workers: number): string => `
    workers = ${workers}
    shutdown = { delay = "5s", timeout = "30s" }
    admin.bind = "127.0.0.1:${admin}"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    listeners.local = { bind = "unix:${join(dir.path, "local.sock")}", pool = "echo" }
    ${poolToml("echo", [echo.address])}
    ${poolToml("app", [app.address])}`;
  writeFileSync(file, toml(2));
  const args = ["run", "--config", file];
  await using old = await startUmay("", { args });
  const [plain, web] = [old.port("plain"), old.port("web")];
  const staying = await connectPlain(plain);
  await echoed(staying);

  const faults: string[] = [];
  let visits = 0;
  let stop = false;
  const load = Array.from({ length: 12 }, async (_, index) => {
    while (!stop) {
      const fault =
        index % 3 > 0
          ? await visit(plain)
          : await ask(web, { path: "/", headers: { connection: "close" } }).then(
              ({ status }) => (status === 200 ? undefined : `status ${status}`),
              (error: NodeJS.ErrnoException) => error.code,
            );
      visits++;
      if (fault !== undefined) faults.push(fault);
    }
  });
  // Another number of workers than sockets: one worker has two of an address.
  writeFileSync(file, toml(1));
  await using one = await startUmay("", { args: [...args, "--take-over"] });
  assert.deepEqual([one.port("plain"), one.port("web")], [plain, web]);
  await old.logged(({ msg, by }) => msg === "another umay has taken over" && by === one.pid);
  const seen = visits;
  await becomes(
    () => visits,
    (count) => count > seen + 50,
    "visits to the new one",
  );
  writeFileSync(file, toml(2));
  await using two = await startUmay("", { args: [...args, "--take-over"] });
  assert.equal(await soon(one.exited, "the end of the second", 10_000), 0);
  const later = visits;
  await becomes(
    () => visits,
    (count) => count > later + 50,
    "visits to the third one",
  );
  stop = true;
  await Promise.all(load);
  assert.deepEqual(faults, []);

  await echoed(staying, "served by the first one still");
  await farewell(staying);
  assert.equal(await soon(old.exited, "the end of the first", 10_000), 0);
  const { listeners } = await two.status();
  assert.ok(listeners["plain"]!.connections_total > 0);
  assert.ok(one.sessions.length > 0 && two.sessions.length > 0);
  const local = connect({ path: join(dir.path, "local.sock") });
  local.end("over unix");
  let text = "";
  for await (const chunk of local) text += String(chunk);
  assert.equal(text, "over unix");
  const status = await runCommand(["status", "--config", file]);
  assert.match(status.stdout, new RegExp(`is ready: process ${two.pid},`));
});

test("who cannot serve leaves the running umay as it was, and a second one may try", async () => {
  await using echo = await startEchoBackend();
  await using old = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [echo.address])}`);
  const admin = old.admin.slice("http://".length);
  const toml = (more: string): string => `
    workers = 1
    shutdown.delay = "0s"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${more}
    ${poolToml("echo", [echo.address])}`;
  const args = ["run", "--config", "-", "--take-over", "--admin", admin];
  await using other = await startEchoBackend();
  await using failing = spawnUmay(toml(`listeners.other = { bind = "${other.address}", pool = "echo" }`), {
    args,
  });
  assert.equal(await failing.exited, 1);
  assert.match(failing.stderr, /listener other cannot listen on .* the port is in use/);
  await old.logged(({ msg }) => msg.startsWith("another umay wanted to take over and did not"));
  assert.equal(await visit(old.port("plain")), undefined);
  await using next = await startUmay(toml(""), { args });
  assert.equal(await soon(old.exited, "the end of the old one", 10_000), 0);
  assert.equal(await visit(next.port("plain")), undefined);
});

test("without anybody to take over from, it says so", async () => {
  const [free] = await freePorts(1);
  const { code, stderr } = await runCommand(
    ["run", "--take-over", "--admin", `127.0.0.1:${free}`, "--config", "-"],
    {
      input:
        'listeners.a = { bind = "127.0.0.1:0", pool = "p" }\npools.p.discovery = { type = "static", backends = ["127.0.0.1:1"] }',
    },
  );
  assert.equal(code, 1);
  assert.match(stderr, /^umay: no answer from 127\.0\.0\.1:/);
});

test("a start that is over ends what its configuration has started: a control plane is left", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using control = await AdsServer.start("delta");
  const file = join(dir.path, "envoy.yaml");
  const [free] = await freePorts(1);
  const start = async (bootstrap: string, ...more: readonly string[]): Promise<Finished> => {
    writeFileSync(file, bootstrap);
    const before = control.streams;
    using umay = startCommand(["run", "--envoy-config", file, ...more]);
    await becomes(
      () => control.requests.length > 0 && control.streams,
      (streams) => streams === before + 1,
      "a stream",
    );
    control.send("envoy.config.cluster.v3.Cluster", []);
    control.send("envoy.config.listener.v3.Listener", []);
    return await soon(umay.finished, "the end of umay", 10_000);
  };
  const good = adsBootstrap(control.port, "delta");
  const alone = await start(good, "--take-over", "--admin", `127.0.0.1:${free}`);
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /^umay: no answer from 127\.0\.0\.1:/);
  // A file that is wrong itself is refused before anybody is asked.
  const before = control.streams;
  writeFileSync(file, `${good}  - { name: bad, lb_policy: CLUSTER_PROVIDED }\n`);
  const bad = await runCommand(["run", "--envoy-config", file]);
  assert.equal(bad.code, 78);
  assert.match(bad.stderr, /CLUSTER_PROVIDED is not supported/);
  assert.equal(control.streams, before);
});
