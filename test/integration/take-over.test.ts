import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AdsServer, adsBootstrap } from "../support/ads-server.ts";
import { startEchoBackend } from "../support/backend.ts";
import { BusyClients } from "../support/busy-clients.ts";
import { BusyScene } from "../support/busy-scene.ts";
import { connectPlain, connectSecure, poolToml } from "../support/client.ts";
import { type Finished, runCommand, startCommand } from "../support/command.ts";
import { freePorts } from "../support/free-ports.ts";
import { HttpClient } from "../support/http-client.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed, farewell } from "../support/talk.ts";
import { type RunningUmay, spawnUmay, startUmay } from "../support/umay.ts";

/** One connection, one echo. @returns how it went wrong; undefined: it did not. */
function visit(where: number | { readonly path: string }): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let text = "";
  const target = typeof where === "number" ? { port: where, host: "127.0.0.1" } : where;
  const socket = connect(target, () => socket.end("hello"));
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  socket.on("close", () => resolve(text === "hello" ? undefined : `got "${text}"`));
  return promise;
}

test("umay run --take-over, three times in a row under load: nothing is refused, reset or lost, old sessions live on", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await using scene = await BusyScene.start((request, response) => {
    if (request.url !== "/long") return void response.end("ok");
    response.write("begun, ");
    void mayEnd.then(() => response.end("ended"));
  });
  const socket = join(scene.folder, "local.sock");
  const write = (workers: number): void =>
    scene.write(`
      workers = ${workers}
      shutdown = { delay = "5s", timeout = "10m" }
      listeners.local = { bind = "unix:${socket}", pool = "echo" }`);
  write(2);
  const { args, file } = scene;
  await using umays = new AsyncDisposableStack();
  const old = umays.use(await startUmay("", { args }));
  const staying = [await connectPlain(old.port("plain")), await connectSecure(old.port("secure"))];
  for (const client of staying) await echoed(client);
  using long = await HttpClient.connect(old.port("web"));
  long.write("GET /long HTTP/1.1\r\nhost: a.example\r\n\r\n");

  const clients = new BusyClients(old, 2);
  await clients.goOn(5);
  const localFaults: string[] = [];
  let visitsEnd = false;
  const localVisits = (async () => {
    while (!visitsEnd) {
      const fault = await visit({ path: socket });
      await sleep(2);
      if (fault !== undefined) localFaults.push(fault);
    }
  })();
  const replaced: RunningUmay[] = [];
  let last = old;
  // Another number of workers than sockets: a worker has two of an address, or one has none.
  for (const workers of [1, 3, 2]) {
    write(workers);
    const next = umays.use(await startUmay("", { args: [...args, "--take-over"] }));
    assert.equal(next.port("plain"), last.port("plain"));
    await last.logged(({ msg, by }) => msg === "another umay has taken over" && by === next.pid);
    await clients.goOn(20);
    replaced.push(last);
    last = next;
  }
  // Each of those that keep a connection was told to leave it, and all but the first process have nothing to wait for.
  for (const umay of replaced.slice(1))
    assert.equal(await soon(umay.exited, "the end of one that was replaced", 20_000), 0);
  await clients.stop();
  visitsEnd = true;
  await localVisits;
  assert.deepEqual([clients.faults, localFaults], [[], []]);
  const ends = old.log.filter(({ msg }) => /^(drained|a worker died)/.test(msg));
  assert.deepEqual(ends, [], "nothing but their clients ends sessions of the first one");
  assert.ok(clients.left.kept >= 2 && clients.left.http2 >= 2, JSON.stringify(clients.left));

  for (const client of staying) {
    await echoed(client, "served by the first one still");
    await farewell(client);
  }
  end();
  assert.equal((await long.response()).body.toString(), "begun, ended");
  assert.equal(await soon(old.exited, "the end of the first", 10_000), 0);
  const { listeners } = await last.status();
  for (const name of ["plain", "secure", "web", "web2"])
    assert.ok(listeners[name]!.connections_total > 0, name);
  const local = connect({ path: socket });
  local.end("over unix");
  let text = "";
  for await (const chunk of local) text += String(chunk);
  assert.equal(text, "over unix");
  const status = await runCommand(["status", "--config", file]);
  assert.match(status.stdout, new RegExp(`is ready: process ${last.pid},`));
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
