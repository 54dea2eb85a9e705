import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OpenListener, placeOf } from "../../../src/data/accept/open-listener.ts";
import type { PlacedListener } from "../../../src/model/snapshot.ts";
import { fakeListener } from "../../support/fake-plane.ts";
import { freePorts } from "../../support/free-ports.ts";

/** Opens a listener in one of two workers; `came` has the names of the listeners that connections got. */
async function opened(definition: PlacedListener, index: number) {
  const came: string[] = [];
  const connected = new EventTarget();
  const open = await OpenListener.open(
    { definition },
    {
      worker: { index, count: 2 },
      onConnection: (served, socket) => {
        came.push(served.definition.name);
        socket.destroy();
        connected.dispatchEvent(new Event("connection"));
      },
      onServerError: assert.fail,
      taken: { adopt: () => [] },
    },
  );
  return { open, came, connected, [Symbol.dispose]: () => open.close() };
}

const [port = 0] = await freePorts(1);
const address = { kind: "tcp", host: "127.0.0.1", port } as const;
const shared: PlacedListener = {
  ...fakeListener,
  bind: address,
  addresses: [address],
  accept: "shared-port",
};

test("each worker has a socket of its own where the kernel spreads, and connections get what is served there now", async () => {
  using first = await opened(shared, 0);
  using second = await opened(shared, 1);
  const [told] = first.open.sockets;
  assert.deepEqual([told?.listener, told?.address], [shared.name, `127.0.0.1:${port}`]);
  assert.notEqual(told?.descriptor, second.open.sockets[0]?.descriptor);
  second.open.close();
  first.open.served = { definition: { ...shared, name: "renamed" } };
  const came = once(first.connected, "connection");
  connect(port, "127.0.0.1").on("error", () => {});
  await came;
  assert.deepEqual(first.came, ["renamed"]);
  assert.equal(first.open.place, placeOf(shared));
});

test("a socket that one worker alone can have is opened by one of them, with the rights that it is given later too", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const path = join(folder.path, "socket");
  const bind = { kind: "unix", path } as const;
  const definition: PlacedListener = { ...shared, bind, addresses: [bind], accept: "one-worker" };
  const rights = { mode: 0o640, user: undefined, group: undefined };
  using first = await opened(definition, 0);
  using second = await opened(definition, 1);
  assert.deepEqual([first.open.sockets, second.open.sockets], [[], []]);
  for (const { open } of [first, second]) open.setRights({ ...definition, socket: rights });
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test("where the main thread accepts, a worker has no socket", async () => {
  using handed = await opened({ ...shared, accept: "handed-over" }, 0);
  assert.deepEqual(handed.open.sockets, []);
  const socket = connect(port, "127.0.0.1");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
});
