import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { projectRoot, runCommand, startCommand } from "../support/command.ts";
import { demoEnvironment } from "../support/demo-environment.ts";
import { freePorts } from "../support/free-ports.ts";

test("the line that the demo prints is answered by each backend in turn, over TLS that openssl trusts", async () => {
  using started = startCommand(["demo"], { env: await demoEnvironment() });
  const [, line] = await started.seen(/^ {2}(echo "Hello, Umay!" \| openssl s_client .*)$/m);
  const [, admin] = await started.seen(/admin server on (http:\S+)/);
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);
  for (const name of ["echo-1", "echo-2", "echo-3"]) {
    // s_client waits for the server's end; umay's, after the client's, never comes first.
    const output = execFileSync(
      "sh",
      ["-c", `(${line} -verify_return_error & p=$!; sleep 0.5; kill $p) 2>&1`],
      {
        cwd: projectRoot,
        encoding: "utf8",
      },
    );
    assert.match(output, new RegExp(`^${name}: Hello, Umay!$`, "m"));
  }
  // So does a terminal that is closed.
  started.child.kill("SIGHUP");
  assert.equal((await started.finished).code, 0);
});

test("a demo backend whose port is taken is named, with exit code 1", async (t) => {
  const env = await demoEnvironment();
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  env["UMAY__POOLS__ECHO__DISCOVERY__BACKENDS"] = `["127.0.0.1:${port}"]`;
  const { code, stderr } = await runCommand(["demo"], { env });
  assert.match(
    stderr,
    new RegExp(`^umay: demo backend echo-1 cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`),
  );
  assert.equal(code, 1);
});

test("a demo listener whose port is taken is named, with exit code 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const bind = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  const env = { ...(await demoEnvironment()), UMAY__LISTENERS__ECHO__BIND: bind };
  const { code, stderr } = await runCommand(["demo"], { env });
  assert.match(stderr, new RegExp(`^umay: listener echo cannot listen on ${bind}: .*EADDRINUSE`));
  assert.equal(code, 1);
});

test("the demo of HTTP answers requests by its routes, and echoes a WebSocket", async () => {
  const [listener, admin, ...backends] = await freePorts(5);
  const addresses = backends.map((port) => `127.0.0.1:${port}`);
  const env = {
    UMAY__WORKERS: "1",
    UMAY__LISTENERS__WEB__BIND: `127.0.0.1:${listener}`,
    UMAY__ADMIN__BIND: `127.0.0.1:${admin}`,
    UMAY__POOLS__APP__DISCOVERY__BACKENDS: JSON.stringify(addresses),
    UMAY__POOLS__FIRST__DISCOVERY__BACKENDS: JSON.stringify(addresses.slice(0, 1)),
  };
  using started = startCommand(["demo", "--http"], { env });
  const [, url] = await started.seen(/^ {2}curl (http:\S+)$/m);
  const seen = new Set<string>();
  for (let count = 0; count < 6; count++)
    seen.add(((await (await fetch(url!)).json()) as { backend: string }).backend);
  assert.deepEqual([...seen].sort(), ["echo-1", "echo-2", "echo-3"]);
  assert.equal(await (await fetch(`${url}hello`)).text(), "Hello from umay!\n");
  const first = await fetch(`${url}first/a`);
  assert.equal(((await first.json()) as { url: string }).url, "/a");
  assert.equal(first.headers.get("x-backend"), addresses[0]);
  const [, line] = await started.seen(/^ {2}npx umay (explain --admin .*)$/m);
  const explained = await runCommand(line!.split(" "));
  assert.match(explained.stdout, /^served by \S+ of pool first, route first\n/);
  const socket = new WebSocket(url!.replace("http", "ws"));
  await once(socket, "open");
  socket.send("Hello, Umay!");
  const [{ data }] = (await once(socket, "message")) as [MessageEvent];
  assert.equal(data, "Hello, Umay!");
  socket.close();
  started.child.kill("SIGINT");
  assert.equal((await started.finished).code, 0);
});
