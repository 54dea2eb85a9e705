import assert from "node:assert/strict";
import { existsSync, mkdtempDisposableSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bindListeners } from "../../../src/control/workers/bind.ts";
import { parseAddress, type SocketAddress } from "../../../src/lib/address.ts";
import { listen } from "../../../src/lib/listen.ts";
import type { Listener } from "../../../src/model/listener.ts";
import { loadModel, smallest } from "../../providers/toml/loading.ts";
import { freePorts } from "../../support/free-ports.ts";

const [template] = (await loadModel(smallest)).listeners;

function listeners(binds: Readonly<Record<string, string>>): Listener[] {
  return Object.entries(binds).map(([name, text]) => {
    const bind = parseAddress(text);
    assert.ok(typeof bind !== "string", String(bind));
    return { ...template!, name, bind };
  });
}

/** Whether it can be had now. */
async function isFree(address: SocketAddress): Promise<boolean> {
  const server = createServer();
  try {
    await listen(server, address);
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

test("names become addresses, and port 0 becomes a port of its own that is held until it is released", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const path = join(dir.path, "a.sock");
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`l${index}`, "127.0.0.1:0"]));
  const { listeners: bound, release } = await bindListeners(
    listeners({ ...many, named: "localhost:0", local: `unix:${path}` }),
  );
  const ports = new Set<number>();
  for (let index = 0; index < 50; index++) {
    const { addresses, accept } = bound.get(`l${index}`)!;
    if (process.platform === "linux") assert.equal(accept, "shared-port");
    const [address] = addresses;
    assert.ok(address?.kind === "tcp" && address.host === "127.0.0.1" && address.port > 0);
    ports.add(address.port);
    assert.ok(!(await isFree(address)));
  }
  assert.equal(ports.size, 50);
  release();
  for (const port of ports) assert.ok(await isFree({ kind: "tcp", host: "127.0.0.1", port }));
  for (const address of bound.get("named")!.addresses)
    assert.ok(address.kind === "tcp" && ["127.0.0.1", "::1"].includes(address.host));
  assert.deepEqual(bound.get("local"), { addresses: [{ kind: "unix", path }], accept: "one-worker" });
  assert.ok(!existsSync(path));
});

test("two names of one address are found out, and every error is told", async () => {
  const [port] = await freePorts(1);
  const binding = bindListeners(
    listeners({
      first: `127.0.0.1:${port}`,
      second: `localhost:${port}`,
      far: "192.0.2.1:80",
      nowhere: "unix:/no/such/folder/a.sock",
    }),
  );
  await assert.rejects(binding, ({ errors }: AggregateError) => {
    const named = errors.map(({ message }: Error) => /^listener (\w+) cannot listen on /.exec(message)?.[1]);
    assert.deepEqual(named, ["second", "far", "nowhere"]);
    return true;
  });
  assert.ok(await isFree({ kind: "tcp", host: "127.0.0.1", port: port! }));
});

test("what this process has already needs no probe; two listeners can't have it, and others can't be given what is taken", async (t) => {
  const [mine, theirs] = await freePorts(2);
  const held = createServer();
  const other = createServer();
  t.after(() => {
    held.close();
    other.close();
  });
  const own = { kind: "tcp", host: "127.0.0.1", port: mine! } as const;
  await listen(held, own, { reusePort: true });
  await listen(other, { ...own, port: theirs! });
  const served = listeners({ a: "127.0.0.1:0" }).map((listener) => ({
    ...listener,
    addresses: [own],
    accept: "shared-port" as const,
  }));

  // It keeps the port that the system chose, and another name may have it.
  for (const [name, bind] of [
    ["a", "127.0.0.1:0"],
    ["b", `127.0.0.1:${mine}`],
  ] as const) {
    const { listeners: bound } = await bindListeners(listeners({ [name]: bind }), served);
    assert.deepEqual(bound.get(name)!.addresses, [own]);
  }
  const twice = bindListeners(listeners({ a: "127.0.0.1:0", b: `127.0.0.1:${mine}` }), served);
  await assert.rejects(twice, /listener b cannot listen on 127\.0\.0\.1:\d+: listener a does/);
  const taken = bindListeners(listeners({ a: `127.0.0.1:${theirs}` }), served);
  await assert.rejects(taken, /listener a cannot listen on .* in use/);
});
