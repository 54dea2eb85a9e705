import assert from "node:assert/strict";
import { test } from "node:test";
import { startBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { runUmay, startUmay } from "../support/umay.ts";

const listener = (port: number): string => `
  workers = 1
  admin = { bind = "127.0.0.1:0" }
  listeners.echo = { bind = "0.0.0.0:${port}", pool = "echo" }
  [pools.echo.discovery]`;

test("a configuration whose backend is its own listener is refused", async () => {
  const [port] = await freePorts(1);
  const { code, stderr } = await runUmay(
    `${listener(port!)}\ntype = "static"\nbackends = ["127.0.0.1:${port}"]`,
  );
  assert.equal(code, 78);
  assert.match(stderr, /127\.0\.0\.1:\d+ is where listeners\.echo accepts/);
});

test("discovered backends that are the own listener, or nobody's, are left out, and the others serve", async () => {
  const [port] = await freePorts(1);
  await using backend = await startBackend({ host: "127.0.0.3", port: port! });
  await using dns = await startDnsServer();
  await using umay = await startUmay(`${listener(port!).replace("0.0.0.0", "127.0.0.1")}
    type = "dns"
    name = "echo.test"
    nameservers = ["${dns.address}"]
    port = ${port}
    refresh = { min = "100ms", max = "100ms" }`);
  dns.answer("echo.test", "A", ["127.0.0.1", "127.0.0.3", "0.0.0.0", "224.0.0.1", "255.255.255.255"]);

  const told = await umay.logged(({ msg }) => msg.startsWith("a backend is umay's own listener"));
  assert.deepEqual([told["backend"], told["listener"]], [`127.0.0.1:${port}`, "echo"]);
  await umay.logged(({ msg }) =>
    msg.includes("0.0.0.0, 224.0.0.1, 255.255.255.255: no address that a backend can have; it is left out"),
  );
  // The workers have the set a moment after it is told.
  let connections = 0;
  while (backend.peers.length === 0) {
    using early = await connectPlain(port!);
    connections++;
    // One at a time: of two that are under way, both could get the backend.
    const ended = early.ending().then(() => true);
    const moment = (): Promise<boolean> => new Promise((resolve) => setTimeout(resolve, 20, false));
    while (backend.peers.length === 0 && !(await Promise.race([ended, moment()])));
  }
  await backend.next();
  for (let session = 0; session < 3; session++, connections++) {
    using client = await connectPlain(port!);
    using served = await backend.next();
    await client.write("hello");
    assert.equal(String(await served.read(5)), "hello");
  }
  const { pools, listeners } = await umay.status();
  assert.deepEqual(
    pools["echo"]!.backends.map(({ address }) => address),
    [backend.address],
  );
  assert.equal(listeners["echo"]!.connections_total, connections);
  assert.equal(umay.log.filter(({ msg }) => msg.startsWith("a backend is umay's own listener")).length, 1);
});
