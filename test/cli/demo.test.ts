import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { projectRoot, runCommand, startCommand } from "../support/command.ts";
import { demoEnvironment } from "../support/demo-environment.ts";

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
  started.child.kill("SIGINT");
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
