import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { projectRoot, runCommand } from "../support/command.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

let umay: RunningUmay;
let backend: Backend;
before(async () => {
  backend = await startEchoBackend();
  umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`);
});
after(async () => {
  await umay[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

test("elsewhere than on a terminal it prints frames without a command to a terminal, and ends", async () => {
  const admin = umay.admin.slice("http://".length);
  const { code, stdout, stderr } = await runCommand(["top", "--admin", admin, "-i", "100ms", "-n", "2"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.match(/^umay .* is ready: /gm)?.length, 2);
  assert.match(stdout, /^POOL +BACKEND +STATE +OPEN\necho +127\.0\.0\.1:\d+ +up +0$/m);
  assert.ok(!stdout.includes("\u001b"));
});

test("on a terminal it draws again and again, until q; then the terminal is as it was", async () => {
  const command = `${process.execPath} ${join(projectRoot, "bin/umay.js")} top -i 100ms --admin ${umay.admin.slice(7)}`;
  const terminal = endWithTest(
    spawn("script", ["-qfec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  let text = "";
  terminal.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const seen = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) await once(terminal.stdout, "data");
  };
  await seen(/is ready/);
  assert.ok(text.startsWith("\u001b[?1049h\u001b[?25l\u001b[H"), JSON.stringify(text.slice(0, 40)));
  using client = await connectPlain(umay.port("plain"));
  await echoed(client);
  await seen(/1 of \d+ connections/);
  terminal.stdin.write("q");
  const [code] = await once(terminal, "close");
  assert.equal(code, 0);
  assert.ok(text.endsWith("\u001b[?25h\u001b[?1049l"), JSON.stringify(text.slice(-40)));
});
