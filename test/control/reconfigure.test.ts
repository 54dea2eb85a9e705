import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { discover } from "../../src/cli/discover.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import type { Model } from "../../src/model/model.ts";
import type { LogDestination } from "../../src/observe/destination.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes } from "../support/settled.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";

const { ecdsa } = await testCertificates();
const quiet: LogDestination = {
  write: () => {},
  writeAsIs: () => {},
  dropped: () => 0,
  flush: async () => {},
};

async function start(t: TestContext, model: Model): Promise<ControlPlane> {
  const plane = await ControlPlane.create(model, discover, createLogger({ level: "silent" }, quiet), quiet);
  t.after(() => plane.abandon());
  await plane.start();
  return plane;
}

test("a configuration that a worker can't serve is taken back, all of it", async (t) => {
  await using backend = await startEchoBackend();
  const [portA, portB] = await freePorts(2);
  const good = await loadModel(`
    workers = 2
    log.level = "silent"
    listeners.a = { bind = "127.0.0.1:${portA}", pool = "echo" }
    pools.echo.discovery = { type = "static", backends = ["${backend.address}"] }`);
  const next = await loadModel(`
    [listeners.a]
    bind = "127.0.0.1:${portB}"
    pool = "other"
    [listeners.b]
    bind = "127.0.0.1:${portA}"
    pool = "echo"
    tls = { certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }
    [pools]
    echo.discovery = { type = "static", backends = ["127.0.0.1:1"] }
    other.discovery = { type = "static", backends = ["${backend.address}"] }`);
  // No configuration gets this far with them.
  const [a, b] = next.listeners;
  const bad: Model = {
    ...next,
    listeners: [a!, { ...b!, tls: [{ ...b!.tls[0]!, ciphers: "no such cipher" }] }],
  };

  const plane = await start(t, good);
  const client = await connectPlain(portA!);
  await echoed(client);
  await assert.rejects(plane.reconfigure(bad), /cipher/i);
  assert.deepEqual(plane.model, good);
  assert.deepEqual(
    plane.store.pool("echo")!.placed.backends.map(({ address }) => address),
    [backend.address],
  );
  // A worker may have accepted connections that choose from it.
  await becomes(
    () => plane.store.snapshot.pools.map(({ name }) => name),
    (names) => names.join() === "echo",
    "pools",
  );
  assert.deepEqual([...plane.store.discoveries.keys()], ["echo"]);
  await plane.supervisor.publishing.served(plane.store.snapshot.version);
  assert.equal(await endingOf(connectPlain(portB!)), "ECONNREFUSED");
  const another = await connectPlain(portA!);
  await echoed(another);
  for (const each of [client, another]) await farewell(each);

  // And without what was wrong it is served.
  await plane.reconfigure({ ...next, listeners: [a!] });
  assert.deepEqual(plane.model.listeners, [a]);
  const moved = await connectPlain(portB!);
  await echoed(moved);
  await farewell(moved);
  assert.equal(await endingOf(connectPlain(portA!)), "ECONNREFUSED");
});

test("addresses move between listeners, and one that somebody else has is refused", async (t) => {
  await using backend = await startEchoBackend();
  const [portA, portB, portC] = await freePorts(3);
  const model = (...listeners: string[]): Promise<Model> =>
    loadModel(`
      workers = 2
      log.level = "silent"
      ${listeners.join("\n")}
      pools.echo.discovery = { type = "static", backends = ["${backend.address}"] }`);
  const listener = (name: string, bind: string): string =>
    `listeners.${name} = { bind = "${bind}", pool = "echo" }`;
  const plane = await start(
    t,
    await model(listener("a", `127.0.0.1:${portA}`), listener("b", `127.0.0.1:${portB}`)),
  );
  // Each has the other's, and what is the same port on every address.
  await plane.reconfigure(
    await model(listener("a", `127.0.0.1:${portB}`), listener("b", `0.0.0.0:${portA}`)),
  );
  for (const port of [portA!, portB!]) {
    const client = await connectPlain(port);
    await echoed(client);
    await farewell(client);
  }
  const other = createServer().listen(portC, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { snapshot } = plane.store;
  await assert.rejects(
    plane.reconfigure(await model(listener("a", `127.0.0.1:${portC}`), listener("c", `127.0.0.1:${portA}`))),
    ({ message }: Error) => {
      assert.match(message, new RegExp(`^listener a cannot listen on 127.0.0.1:${portC}: .*in use`));
      return true;
    },
  );
  assert.equal(plane.store.snapshot, snapshot);
});

test("the backends of a pool that a reload brings are placed once, and so sent once to each worker", async (t) => {
  await using backend = await startEchoBackend();
  const model = (...pools: readonly string[]): Promise<Model> =>
    loadModel(`
      workers = 1
      log.level = "silent"
      listeners.a = { bind = "127.0.0.1:0", pool = "first" }
      ${pools.map((name) => `pools.${name}.discovery = { type = "static", backends = ["${backend.address}"] }`).join("\n")}`);
  const plane = await start(t, await model("first"));
  const place = t.mock.method(plane.backends, "place");
  await plane.reconfigure(await model("first", "second"));
  assert.deepEqual(
    place.mock.calls.map(({ arguments: [pool] }) => pool),
    ["second"],
  );
});
