import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { runCommand, type StartedCommand, startCommand } from "../support/command.ts";
import { patient } from "../support/patience.ts";

async function dial(started: StartedCommand): Promise<Socket> {
  const [, port] = await started.seen(/echo-1 listens on 127\.0\.0\.1:(\d+)\n/);
  const socket = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

const args = ["echo", "--bind", "127.0.0.1:0", "--name", "echo-1"];

test("umay echo says where it listens, echoes with its name, and ends with 0 on SIGTERM and SIGINT", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    using started = startCommand(args);
    const socket = await dial(started);
    socket.end("Hello, Umay!\n");
    assert.equal(await text(socket), "echo-1: Hello, Umay!\n");
    started.child.kill(signal);
    assert.equal((await started.finished).code, 0);
  }
});

test("after SIGTERM an open connection goes on until its client ends it", async () => {
  using started = startCommand(args);
  const socket = await dial(started);
  socket.write("one\n");
  await once(socket, "data");
  started.child.kill("SIGTERM");
  await untilRefused(socket.remotePort!);
  socket.end("two\n");
  assert.equal(await text(socket), "echo-1: two\n");
  assert.equal((await started.finished).code, 0);
});

test("a second signal ends it at once, whatever is open", async () => {
  using started = startCommand(args);
  const socket = await dial(started);
  socket.on("error", () => {}).resume();
  const start = performance.now();
  started.child.kill("SIGTERM");
  await untilRefused(socket.remotePort!);
  started.child.kill("SIGTERM");
  assert.equal((await started.finished).code, null);
  assert.ok(performance.now() - start < patient(4000));
  socket.destroy();
});

/** A signal was heard once the listening socket is closed. */
async function untilRefused(port: number): Promise<void> {
  for (let open = true; open; ) {
    open = await new Promise<boolean>((resolve) => {
      const probe = connect({ host: "127.0.0.1", port }, () => probe.destroy());
      probe.on("error", () => resolve(false)).on("close", () => resolve(true));
    });
  }
}

test("an address that is taken is named with what to do, and ends with 1", async () => {
  using first = startCommand(args);
  const { remotePort } = await dial(first);
  const second = await runCommand(["echo", "--bind", `127.0.0.1:${remotePort}`, "--name", "echo-2"]);
  assert.match(
    second.stderr,
    new RegExp(`^umay: echo-2 cannot listen on 127\\.0\\.0\\.1:${remotePort}: .*EADDRINUSE`),
  );
  assert.equal(second.code, 1);
});
