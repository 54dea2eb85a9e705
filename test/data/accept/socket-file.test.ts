import assert from "node:assert/strict";
import { mkdtempDisposableSync, renameSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openServers } from "../../../src/data/accept/servers.ts";
import { listen } from "../../../src/lib/listen.ts";
import type { PlacedListener } from "../../../src/model/snapshot.ts";

test("another socket at the path of a unix socket is complained of once, and not while somebody may be taking over", async (context) => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  context.mock.timers.enable({ apis: ["setInterval"] });
  const [path, beside] = [join(dir.path, "a.sock"), join(dir.path, "b.sock")];
  const errors: string[] = [];
  const listener = { name: "l", addresses: [{ kind: "unix", path }] } as unknown as PlacedListener;
  const [server] = await openServers(
    listener,
    (socket) => socket.destroy(),
    ({ message }) => errors.push(message),
    false,
    () => undefined,
  );
  context.after(() => server!.close());
  let looks = 0;
  const other = createServer((socket) => {
    looks++;
    socket.destroy();
  });
  context.after(() => other.close());
  await listen(other, { kind: "unix", path: beside });
  renameSync(beside, path);
  /** A look that finds another one, which it connects to. */
  const lookOnce = async (): Promise<void> => {
    const before = looks;
    // The look before may not be over.
    for (; looks === before; await sleep(5)) context.mock.timers.tick(1_000);
  };
  for (let count = 0; count < 7; count++) await lookOnce();
  assert.deepEqual(errors, []);
  for (let count = 0; count < 6; count++) await lookOnce();
  assert.deepEqual(errors, [
    `listener l: ${path} is another file now, and clients do not reach umay; remove it, and it is made anew`,
  ]);
});
