import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, connectSocket, poolToml } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { Peer, soon } from "../support/peer.ts";
import { echoed, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

test("a client of an address that a reload adds is refused or served, never accepted and reset", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const file = join(dir.path, "umay.toml");
  await using backend = await startEchoBackend();
  const [port] = await freePorts(1);
  const many = Array.from(
    { length: 20 },
    (_, index) => `listeners.l${index} = { bind = "localhost:0", pool = "echo" }`,
  );
  const toml = (...listeners: readonly string[]): string => `
    workers = 2
    admin.bind = "127.0.0.1:0"
    listeners.a = { bind = "127.0.0.1:0", pool = "echo" }
    ${listeners.join("\n")}
    ${poolToml("echo", [backend.address])}`;
  writeFileSync(file, toml());
  await using umay = await startUmay("", { args: ["--config", file] });
  let refusals = 0;
  const early: Socket[] = [];
  const knock = (): Promise<unknown> =>
    connectSocket(port!).then(
      (socket) => early.push(socket),
      () => refusals++,
    );
  await knock();
  writeFileSync(file, toml(`listeners.web = { bind = "127.0.0.1:${port}", pool = "echo" }`, ...many));
  let isOver = false;
  const reloaded = fetch(`${umay.admin}/reload`, { method: "POST" }).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await knock();
    await new Promise(setImmediate);
  }
  assert.equal((await reloaded).status, 200);
  assert.ok(refusals > 0);
  await knock();
  assert.ok(early.length > 0);
  for (const socket of early) {
    using client = new Peer(socket);
    await farewell(client);
  }
});

test("files that never come to an end hold up neither each other nor a reload", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const at = (name: string): string => join(dir.path, name);
  await using backend = await startEchoBackend();
  const lists = ["one", "two", "three", "four", "five", "six"];
  for (const name of lists) execFileSync("mkfifo", [at(`${name}.json`)]);
  const toml = (more: string): string => `
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.a = { bind = "127.0.0.1:0", pool = "echo" }
    ${more}
    ${lists.map((name) => `pools.${name}.discovery = { type = "file", path = "${at(`${name}.json`)}" }`).join("\n")}
    pools.endless.discovery = { type = "file", path = "/dev/zero" }
    ${poolToml("echo", [backend.address])}`;
  writeFileSync(at("umay.toml"), toml(""));
  await using umay = await startUmay("", { args: ["--config", at("umay.toml")] });
  for (const pool of [...lists, "endless"])
    await umay.logged(
      (line) => line["pool"] === pool && /reads regular files only|is a device/.test(line.msg),
    );
  writeFileSync(at("umay.toml"), toml('listeners.b = { bind = "127.0.0.1:0", pool = "echo" }'));
  const answer = await soon(fetch(`${umay.admin}/reload`, { method: "POST" }), "a reload");
  assert.equal(answer.status, 200);
  const { changes } = (await answer.json()) as { readonly changes: readonly string[] };
  assert.deepEqual(changes, ["listeners.b: added"]);
  using client = await connectPlain(umay.port("a"));
  await echoed(client);
});
